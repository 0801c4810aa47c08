/* Fills every <div data-figures-url> with the figures of a campaign: progress, tiles, charts and tables.
   Asks again every 2 s, and only while the campaign is sending and somebody can see the page. */
"use strict";
(() => {
  const POLL_MS = 2000, LONGEST_WAIT_MS = 30000, ATTENTION_LAG_S = 60;
  const here = new URL(".", document.currentScript.src);
  const TILES = [
    ["sent", null], ["delivered", null], ["opened", "open_rate"], ["clicked", "click_rate"],
    ["click_to_open_rate", "click_to_open_rate"], ["unsubscribed", "unsubscribe_rate"], ["bounced", "bounce_rate"],
    ["complained", "complaint_rate"], ["failed", null], ["unknown", null], ["skipped", null],
  ];
  const ONLY_IF_ANY = new Set(["complained", "failed", "unknown", "skipped"]);
  const LINES = [{ key: "opened", name: "Opened" }, { key: "clicked", name: "Clicked" },
                 { key: "unsubscribed", name: "Unsubscribed" }];
  const OUTCOMES = [["Delivered", "is-ok"], ["Sent", "is-ok"], ["Bounced", "is-bad"], ["Failed", "is-bad"],
                    ["Unknown", "is-warn"], ["Not sent", "is-muted"]];
  const NEVER_AGAIN = "never sent again by itself";
  const number = new Intl.NumberFormat("en");
  let uniqueId = 0;

  // --- Small tools -------------------------------------------------------------------------------------------------
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }
  const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)}%`;
  const digitsFor = (share) => (share > 0 && share < 0.01 ? 2 : 1);
  function moment(iso, zone, options) {
    return new Intl.DateTimeFormat("en", { timeZone: zone, ...options }).format(new Date(iso));
  }
  const lowered = (text) => text.charAt(0).toLowerCase() + text.slice(1);
  function setText(node, text) { if (node.textContent !== text) node.textContent = text; }

  function loadOnce(tag, attributes) {
    const address = attributes.href || attributes.src;
    const known = document.querySelector(`${tag}[data-figures-part="${address}"]`);
    if (known) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const node = el(tag, { ...attributes, "data-figures-part": address });
      node.onload = resolve;
      node.onerror = () => reject(new Error(`${address} could not be loaded.`));
      document.head.append(node);
    });
  }

  /* A "?" that opens the definition of a figure. The browser's own popover: keyboard and touch work by themselves. */
  function help(...metrics) {
    const [metric] = metrics;
    const id = `figure-help-${++uniqueId}`;
    return [
      el("button", { type: "button", class: "fg-help", popovertarget: id, "aria-label": `What “${metric.label}” means` }, "?"),
      el("div", { id, popover: "auto", class: "fg-popover" },
        ...metrics.map((one) => el("div", {},
          el("strong", {}, one.label), el("p", {}, one.definition), el("p", { class: "c-muted" }, `= ${one.formula}`)))),
    ];
  }

  // --- One campaign ------------------------------------------------------------------------------------------------
  class Panel {
    constructor(place) {
      this.place = place;
      this.url = place.dataset.figuresUrl;
      this.tiles = new Map();
      this.failures = 0;
      this.timer = null;
      this.isLive = false;
      this.isBuilt = false;
      document.addEventListener("visibilitychange", () => { if (!document.hidden && (this.isLive || this.failures)) this.refresh(); });
      window.addEventListener("online", () => { if (this.failures) this.refresh(); });
    }

    async refresh() {
      clearTimeout(this.timer);
      if (this.isAsking) return;
      this.isAsking = true;
      try {
        const answer = await fetch(this.url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (answer.status === 403 || answer.status === 404) return this.giveUp(answer.status);
        if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
        this.show(await answer.json());
        this.failures = 0;
      } catch (error) {
        this.failures += 1;
        this.complain(error);
      } finally {
        this.isAsking = false;
      }
      this.plan();
    }

    plan() {
      if (document.hidden || !(this.isLive || this.failures)) return;
      this.timer = setTimeout(() => this.refresh(), this.wait());
    }

    wait() { return Math.min(LONGEST_WAIT_MS, POLL_MS * 2 ** Math.min(this.failures, 5)); }

    giveUp(status) {
      this.isLive = false;
      this.place.replaceChildren(el("div", { class: "c-callout c-callout--warn", role: "alert" }, status === 403
        ? "You can’t see these figures. You may have been signed out: reload the page to sign in again."
        : "This campaign is no longer there."));
    }

    complain(error) {
      const seconds = Math.round(this.wait() / 1000);
      const cause = navigator.onLine === false ? "This device is offline." : "The figures could not be loaded.";
      const again = el("button", { type: "button", class: "c-btn" }, "Try now");
      again.addEventListener("click", () => this.refresh());
      const message = el("div", { class: "c-callout c-callout--warn fg-error", role: "status" },
        el("p", {}, `${cause} ${this.isBuilt ? "What you see is from before. " : ""}Trying again in ${seconds} s.`),
        el("div", { class: "c-actions" }, again));
      message.title = error.message;
      if (!this.isBuilt) this.place.replaceChildren(message);
      else this.message.replaceChildren(message);
    }

    build() {
      const part = (name) => (this[name] = el("section", { class: `fg-${name}` }));
      this.message = el("div", { "aria-live": "polite" });
      this.place.classList.add("fg");
      this.place.replaceChildren(this.message, part("progress"), part("tilesBox"), part("notes"), part("time"),
        part("outcome"), part("variants"), part("links"), part("foot"));
      this.tilesBox.classList.add("c-tiles");
      this.isBuilt = true;
    }

    show(figures) {
      if (!this.isBuilt) this.build();
      this.metrics = Object.fromEntries(figures.metrics.map((metric) => [metric.key, metric]));
      // A page that also shows the status and what may be done next is old the moment sending ends.
      const hasEnded = this.isLive && !figures.progress.is_live;
      this.isLive = figures.progress.is_live;
      if (hasEnded && "reloadAtEnd" in this.place.dataset) return location.reload();
      this.message.replaceChildren();
      this.showProgress(figures);
      const isEmpty = !figures.progress.planned;
      for (const box of [this.tilesBox, this.time, this.outcome, this.variants, this.links, this.notes]) box.hidden = isEmpty;
      if (isEmpty) return;
      this.showTiles();
      this.showNotes(figures);
      this.showTime(figures);
      this.showOutcome(figures);
      this.showVariants(figures.variants);
      this.showLinks(figures.links);
      setText(this.foot, `As of ${moment(figures.as_of, figures.zone, { timeStyle: "medium" })}`
        + (this.isLive ? ", renewed every 2 seconds while sending" : "") + `. Times are in ${figures.zone}.`);
    }

    showProgress({ progress, zone }) {
      if (!progress.planned) {
        this.progress.replaceChildren(el("div", { class: "c-empty" },
          el("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, "hourglass_empty"),
          el("p", {}, progress.is_live
            ? "Nothing sent yet. The audience is being put together; figures appear here by themselves."
            : "Nothing sent yet.")));
        return;
      }
      this.progress.hidden = !(progress.is_live || progress.is_paused);
      if (this.progress.hidden) return;
      const share = progress.done / progress.planned;
      const words = `${number.format(progress.done)} of ${number.format(progress.planned)} done (${percent(Math.floor(share * 1000) / 1000)})`;
      const speed = progress.is_paused ? "Paused: nothing goes out until someone resumes it"
        : progress.per_minute === null ? "Measuring the speed…"
        : `${number.format(progress.per_minute)} a minute`;
      const end = progress.ends_at && !progress.is_paused
        ? `Ends at about ${moment(progress.ends_at, zone, { timeStyle: "short" })}` : "";
      if (!this.bar) {
        this.bar = el("span");
        this.barBox = el("div", { class: "c-progress fg-bar", role: "progressbar", "aria-label": "Sent so far", "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
        this.barWords = el("strong");
        this.barSpeed = el("span", { class: "c-muted" });
      }
      if (!this.barBox.isConnected) this.progress.replaceChildren(el("div", { class: "fg-bar__line" }, this.barWords, this.barSpeed), this.barBox);
      this.bar.style.width = `${share * 100}%`;
      this.barBox.setAttribute("aria-valuenow", Math.floor(share * 100));
      setText(this.barWords, words);
      setText(this.barSpeed, [speed, end].filter(Boolean).join(" · "));
    }

    showTiles() {
      for (const [key, rateKey] of TILES) {
        const metric = this.metrics[key], rate = rateKey && this.metrics[rateKey];
        const isNeeded = !(metric.value === null && metric.kind === "count") && !(ONLY_IF_ANY.has(key) && !metric.value);
        if (!isNeeded) continue;
        if (!this.tiles.has(key)) this.addTile(key, metric, rate && rateKey !== key ? rate : metric);
        const { value, note } = this.tiles.get(key);
        if (metric.kind === "rate") setText(value, metric.value === null ? "–" : percent(metric.value));
        else setText(value, number.format(metric.value));
        setText(note, this.noteFor(metric, rate));
      }
    }

    noteFor(metric, rate) {
      if (metric.key === "unknown") return NEVER_AGAIN;
      if (!rate) return `of ${number.format(this.metrics.planned.value)} in the audience`;
      if (rate.value === null) return "";
      if (!rate.is_enough) return `${rate.note} (${number.format(rate.count)} of ${number.format(rate.of)} ${rate.of_what})`;
      const digits = digitsFor(rate.value);
      const sure = `${(rate.low * 100).toFixed(digits)}–${percent(rate.high, digits)}`;
      return metric.kind === "rate" ? `likely ${sure}` : `${percent(rate.value, digits)} of ${rate.of_what}, likely ${sure}`;
    }

    addTile(key, metric, explained) {
      const value = el("span", { class: "c-tile__value" }), note = el("span", { class: "c-tile__note" });
      const label = metric.kind === "rate" ? "Click-to-open" : metric.label;
      const explains = metric === explained ? help(metric) : help(metric, explained);
      const tile = el("div", { class: "c-tile" },
        el("span", { class: "c-tile__label fg-label" }, label, ...explains), value, note);
      this.tilesBox.append(tile);
      this.tiles.set(key, { value, note });
    }

    showNotes(figures) {
      const opened = this.metrics.opened, any = this.metrics.opened_any, clickedAny = this.metrics.clicked_any;
      const lines = [];
      if (any.value > opened.value) lines.push(`With machines that open mail by themselves: ${number.format(any.value)} opened, ${number.format(clickedAny.value)} clicked.`);
      if (this.metrics.unknown.value) lines.push(`${number.format(this.metrics.unknown.value)} unknown: handed over, but no answer was recorded. They may have arrived, so they are never sent again by themselves.`);
      if (figures.behind_seconds > ATTENTION_LAG_S) lines.push(`Opens and clicks of the last ${Math.round(figures.behind_seconds / 60)} min are not counted yet.`);
      this.notes.replaceChildren(...lines.map((line) => el("p", { class: "c-muted" }, line)));
      this.notes.hidden = !lines.length;
    }

    showTime({ series, zone }) {
      const points = series.points.map((point) => ({ ...point, label: series.step === "day"
        ? moment(point.at, "UTC", { day: "numeric", month: "short" })
        : moment(point.at, zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) }));
      const hasAny = points.some((point) => LINES.some(({ key }) => point[key]));
      if (!this.chart) {
        const canvas = el("div", { class: "fg-chart", "aria-hidden": "true" });
        this.timeTable = table([series.step === "day" ? "Day (UTC)" : "Hour", "Sent", ...LINES.map(({ name }) => name)]);
        this.timeEmpty = el("p", { class: "c-muted" }, "Nobody has opened or clicked yet.");
        this.timeBody = el("div", {}, canvas, el("details", { class: "fg-details" }, el("summary", {}, "Show as a table"), this.timeTable.wrap));
        this.time.append(el("h3", { class: "fg-title" }, series.step === "day" ? "People by day" : "People by hour"), this.timeEmpty, this.timeBody);
        this.chart = window.CarillonCharts.timeChart(canvas, LINES);
      }
      this.timeEmpty.hidden = hasAny;
      this.timeBody.hidden = !hasAny;
      if (!hasAny) return;
      this.timeTable.fill(points.map((point) => [point.label, point.sent, ...LINES.map(({ key }) => point[key])]));
      this.chart.update(points).catch((error) => setText(this.timeBody.firstChild, error.message));
    }

    showOutcome({ states, not_sent: notSent, progress }) {
      if (!this.outcomeBar) {
        this.outcomeBar = el("div", { class: "c-progress fg-outcomes", "aria-hidden": "true" });
        this.outcomeKey = el("ul", { class: "fg-key" });
        this.outcomeTable = table(["What happened", "People", "What it means"]);
        this.outcomeDetails = el("details", { class: "fg-details" }, el("summary", {}, ""), this.outcomeTable.wrap);
        this.outcome.append(el("h3", { class: "fg-title" }, "What became of the audience"), this.outcomeBar, this.outcomeKey, this.outcomeDetails);
      }
      const rowsOf = (outcome) => notSent.filter((row) => row.outcome === outcome);
      const total = (rows) => rows.reduce((before, { count }) => before + count, 0);
      const counts = { Delivered: states.delivered, Sent: states.sent };
      const parts = OUTCOMES.map(([outcome, style]) => [outcome, style, counts[outcome] ?? total(rowsOf(outcome))]).filter(([, , count]) => count);
      this.outcomeBar.replaceChildren(...parts.map(([, style, count]) => {
        const bar = el("span", { class: style });
        bar.style.width = `${count / progress.planned * 100}%`;
        return bar;
      }));
      // The key says each reason for which people were left out; what failed, and how, is in the table.
      const keys = parts.flatMap(([outcome, style, count]) => outcome === "Not sent"
        ? rowsOf(outcome).map((row) => [`Not sent: ${lowered(row.label)}`, style, row.count])
        : [[outcome === "Unknown" ? `Unknown (${NEVER_AGAIN})` : outcome, style, count]]);
      if (progress.waiting) keys.push(["Still to come", "", progress.waiting]);
      this.outcomeKey.replaceChildren(...keys.map(([words, style, count]) => el("li", {},
        el("span", { class: `fg-dot ${style}`, "aria-hidden": "true" }), `${words} `, el("strong", {}, number.format(count)))));
      this.outcomeDetails.hidden = !notSent.length;
      setText(this.outcomeDetails.firstChild, `${number.format(total(notSent))} not sent, failed or unknown: the reasons`);
      this.outcomeTable.fill(notSent.map((row) => [
        row.outcome === row.label ? row.label : `${row.outcome}: ${lowered(row.label)}`, row.count, row.explanation]));
    }

    showVariants(rows) {
      this.variants.hidden = !rows.length;
      if (!rows.length) return;
      if (!this.variantTable) {
        this.variantTable = table(["Variant", "Sent", "Opened", "Clicked", "Click rate", "Likely", "Against A"]);
        this.variants.append(el("h3", { class: "fg-title" }, "By variant"), this.variantTable.wrap,
          el("p", { class: "c-muted" }, "“No difference shown” means that chance alone could explain the gap. These figures don’t allow for looking often; let a test decide winners."));
      }
      this.variantTable.fill(rows.map((row) => {
        const rate = row.rates.click_rate;
        return [`${row.key} · ${row.subject || row.template}`, row.sent, row.opened, row.clicked,
          rate.value === null ? "–" : percent(rate.value), rate.is_enough ? `${(rate.low * 100).toFixed(1)}–${percent(rate.high)}` : "Too few to say",
          row.compared ? row.compared.says : "–"];
      }));
    }

    showLinks(rows) {
      this.links.hidden = !rows.length;
      if (!rows.length) return;
      if (!this.linkTable) {
        this.linkTable = table(["Link", "People", "Clicks"]);
        this.links.append(el("h3", { class: "fg-title" }, "Links people followed"), this.linkTable.wrap);
      }
      this.linkTable.fill(rows.map((row) => [el("span", { class: "fg-link" },
        row.text ? el("strong", {}, row.text) : null, el("span", { class: "c-muted" }, row.url)), row.people, row.clicks]));
    }
  }

  /* A table whose rows can be filled again; columns of numbers are set apart by what is in them. */
  function table(heads) {
    const body = el("tbody"), cells = heads.map((head) => el("th", { scope: "col" }, head));
    const wrap = el("div", { class: "c-table-wrap", tabindex: "0", role: "region", "aria-label": heads[0] },
      el("table", { class: "c-table" }, el("thead", {}, el("tr", {}, ...cells)), body));
    return {
      wrap,
      fill(rows) {
        const isNumber = heads.map((_, column) => rows.some((row) => typeof row[column] === "number" || /\d%$/.test(row[column])));
        cells.forEach((cell, column) => cell.classList.toggle("is-number", isNumber[column]));
        body.replaceChildren(...rows.map((row) => el("tr", {}, ...row.map((value, column) => el(column ? "td" : "th",
          { class: isNumber[column] ? "is-number" : null, scope: column ? null : "row" },
          typeof value === "number" ? number.format(value) : value)))));
      },
    };
  }

  async function start() {
    const places = [...document.querySelectorAll("[data-figures-url]")];
    if (!places.length) return;
    await Promise.all([
      loadOnce("link", { rel: "stylesheet", href: new URL("figures.css", here).href }),
      window.CarillonCharts ? null : loadOnce("script", { src: new URL("charts.js", here).href }),
    ]);
    for (const place of places) new Panel(place).refresh();
  }
  start().catch((error) => console.error(error));
})();
