"""Word lists for made-up people: common names, real places, and telephone numbers set aside for fiction."""

from typing import NamedTuple


class Place(NamedTuple):
    country: str
    locale: str
    time_zone: str
    weight: int
    cities: list[str]
    first_names: list[str]
    last_names: list[str]
    phone: str | None  # two digits are filled in; None where no numbers are reserved for fiction


PLACES = [
    Place(
        "United States", "en-US", "America/New_York", 30,
        "Albany Boston Buffalo Charlotte Hartford Newark Philadelphia Pittsburgh Richmond".split(),
        "Avery Brooke Caleb Dana Elena Felix Grace Hannah Isaac Jordan Kayla Logan Maya Nolan Olivia Riley".split(),
        "Adams Baker Carter Diaz Evans Foster Garcia Hughes Jackson Kelly Lopez Morgan Parker Rivera Turner".split(),
        "+120255501{:02}",
    ),
    Place(
        "United Kingdom", "en-GB", "Europe/London", 22,
        "Bath Bristol Cardiff Edinburgh Glasgow Leeds London Manchester Norwich York".split(),
        "Alfie Beatrice Callum Daisy Edith Freya George Harriet Imogen Jack Katie Lewis Niamh Oscar Poppy".split(),
        "Ahmed Bennett Clarke Davies Edwards Green Hall Khan Lewis Mitchell Owen Patel Roberts Shaw Wright".split(),
        "+4477009003{:02}",
    ),
    Place(
        "Germany", "de-DE", "Europe/Berlin", 20,
        "Berlin Bremen Dresden Essen Hamburg Kassel Leipzig Mainz Nürnberg Rostock".split(),
        "Anke Björn Clara Dirk Emilia Finn Greta Hanno Ida Jonas Käthe Lars Mila Noah Paula Sören Tilda".split(),
        "Becker Braun Fischer Hoffmann Huber Klein Krüger Lange Müller Neumann Richter Schäfer Vogel Weiß".split(),
        "+4930231250{:02}",
    ),
    Place(
        "France", "fr-FR", "Europe/Paris", 14,
        "Bordeaux Brest Dijon Grenoble Lille Lyon Nantes Paris Rennes Toulouse".split(),
        "Adèle Baptiste Camille Damien Élise Fabien Gaëlle Hugo Inès Jules Louise Mathis Noémie Océane Rémi".split(),
        "Bernard Chevalier Dubois Faure Girard Lambert Laurent Martin Moreau Petit Renard Roux Simon Vidal".split(),
        "+331990000{:02}",
    ),
    Place(
        "Spain", "es-ES", "Europe/Madrid", 8,
        "Bilbao Cádiz Córdoba Granada León Madrid Málaga Sevilla Valencia Zaragoza".split(),
        "Alba Bruno Carmen Diego Elena Fernando Gloria Hugo Irene Javier Lucía Marcos Noa Pablo Sofía".split(),
        "Álvarez Blanco Castro Díaz Fernández Gil Herrera Iglesias León Moreno Navarro Ortega Ruiz Vega".split(),
        None,
    ),
    Place(
        "Australia", "en-AU", "Australia/Sydney", 6,
        "Ballarat Cairns Geelong Hobart Newcastle Sydney Wollongong".split(),
        "Amelia Banjo Charlotte Darcy Ella Flynn Georgia Harvey Indi Jasper Kirra Lachlan Matilda".split(),
        "Anderson Campbell Fraser Gibson Jones Kennedy Macdonald Nguyen Robinson Stewart Taylor Walsh".split(),
        "+6125550100{:02}",
    ),
]  # fmt: skip
CATEGORIES = ["Books", "Garden", "Kitchen", "Music", "Outdoors", "Stationery"]
PLANS = ["free", "free", "free", "plus", "plus", "pro"]
SOURCES = ["Web shop checkout", "Newsletter form", "Spring fair, paper form"]
