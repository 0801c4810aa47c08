/* Charts in the console's colours, redrawn when the theme or the width changes. Loads ECharts the first time it is
   needed, from beside this file. window.CarillonCharts is what the pages' own scripts use. */
"use strict";
(() => {
  const here = new URL(".", document.currentScript.src);
  let library = null;

  function loadLibrary() {
    if (window.echarts) return Promise.resolve();
    library ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("vendor/echarts/echarts.min.js", here).href;
      script.onload = resolve;
      script.onerror = () => { library = null; reject(new Error("The chart library could not be loaded.")); };
      document.head.append(script);
    });
    return library;
  }

  const isDark = () => document.documentElement.classList.contains("dark");

  function palette() {
    return isDark()
      ? { text: "#c9c4bd", line: "#4a4540", back: "#26221f",
          series: { sent: "#8f8a84", opened: "#6fb1ee", clicked: "#f0b35c", unsubscribed: "#ff9f97" } }
      : { text: "#5f5a54", line: "#e3ded8", back: "#fff",
          series: { sent: "#8a857f", opened: "#1a5a96", clicked: "#b3660c", unsubscribed: "#b3261e" } };
  }

  /* Lines over time. `lines` is [{key, name}], `points` [{label, [key]: number}]. Returns {update(points), ...}. */
  function timeChart(place, lines) {
    let chart = null, points = [];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

    function options() {
      const colours = palette();
      return {
        animation: !still,
        animationDuration: 300,
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colours.text },
        grid: { left: 8, right: 28, top: 36, bottom: 8, containLabel: true },
        legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, textStyle: { color: colours.text } },
        tooltip: { trigger: "axis", confine: true, backgroundColor: colours.back, borderColor: colours.line,
                   textStyle: { color: colours.text } },
        xAxis: { type: "category", data: points.map((point) => point.label), boundaryGap: points.length < 3,
                 axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false },
                 axisLabel: { color: colours.text, hideOverlap: true } },
        yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: colours.line } },
                 axisLabel: { color: colours.text } },
        series: lines.map(({ key, name }) => ({
          name, type: points.length < 3 ? "bar" : "line", barMaxWidth: 24,
          showSymbol: false, symbolSize: 6, lineStyle: { width: 2 }, itemStyle: { color: colours.series[key] },
          areaStyle: { opacity: 0.06 }, data: points.map((point) => point[key]),
        })),
      };
    }

    function draw() { if (chart) chart.setOption(options(), { notMerge: true }); }

    new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    new ResizeObserver(() => { if (chart) chart.resize(); }).observe(place);
    return {
      async update(newPoints) {
        points = newPoints;
        await loadLibrary();
        chart ||= window.echarts.init(place, null, { renderer: "svg" });
        draw();
      },
    };
  }

  window.CarillonCharts = { timeChart };
})();
