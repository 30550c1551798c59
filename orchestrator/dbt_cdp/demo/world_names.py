"""Invented names, places and numbers of the demonstration world.

Nothing here reaches anyone: mail domains end in ``.example`` (RFC 2606), IP addresses come from
reserved ranges, phone numbers from the ranges that regulators keep free for fiction.
"""

from __future__ import annotations

import random
import unicodedata
from typing import NamedTuple

FREE_MAIL_DOMAIN = "mail.example"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def seeded(seed: int, part: str) -> random.Random:
    """A generator for one part of the world, the same for the same seed."""
    return random.Random(f"{seed}/{part}")  # noqa: S311 - a world has to be repeatable


FIRST_NAMES = _words(
    "Anna Ben Clara David Elena Felix Grace Hannah Ivan Julia Karim Laura Marco Nina Oliver Paula "
    "Quentin Rosa Samuel Tara Umar Vera William Ximena Yara Zoe Adam Bianca Cedric Dora Emil Fiona "
    "Gustav Helena Idris Jana Kofi Lena Miriam Noah Olga Priya René Sofia Théo Ulrike Victor Wanda "
    "Yusuf Zara Amir Beate Carlos Daria Erik Flora George Hugo Isla Jamal Kira Leon Mei Nadia Omar "
    "Petra Rafael Selma Tobias Valentina Jürgen Chloé Aisha Dmitri Freya Hiro Ingrid Joaquin Malik"
)

LAST_NAMES = _words(
    "Keller Moreau Ashby Lindqvist Okafor Tanaka Brandt Castillo Duval Eriksen Fischer Garnier "
    "Hartley Ibarra Jansen Kovac Lambert Mercer Novak Osborne Pereira Quimby Rossi Sauter "
    "Thorne Ueda Vargas Whitfield Yilmaz Zeller Abbott Becker Chevalier Dawson Engel Fournier "
    "Graham Hayes Iqbal Jensen Krause Leclerc Marlow Nakamura Ortega Pohl Reyes Schubert "
    "Tremblay Usman Voss Walsh Yoder Zimmer Arnaud Bauer Coleman Dietrich Ellery Faure Gomez "
    "Hoffmann Ismail Joubert Köhler Laurent Mendes Nilsson Olsen Petit Rahman Sinclair Torres "
    "Vogel Winter Adeyemi Blanc Carver Drake Esposito Frost Guerin Holm Ito Juarez Kemp Lowry "
    "Müller Nash Owusu Price Roth Shah Talbot Underhill Vance Wolf Abara Bergström Conti "
    "Delacroix Farouk Gallo Hale Jovanovic"
)

_COMPANY_HEADS = _words(
    "Tarn Quill Vell Brindle Corva Dun Ember Fenn Gald Harrow Iver Jorv Kest Lumen Marl Nettle "
    "Oster Pell Quarr Rusk Sable Thrum Umber Varn Wexl Yarrow Zeph Alder Birch Calder Drift Elm "
    "Flint Gorse Hazel Inkl Juniv Knoll Larch Moss Nimb Orrin Pruss Quenn Rowan Stell Tamar Ulm"
)

_COMPANY_TAILS = _words(
    "wick haven loft mere forge spire moor gate crest field brook stead works path cove reach "
    "bridge line hollow mark yard stone well point ridge leaf grove bank dale shore"
)

_COMPANY_FORMS = ("", "Labs", "Group", "Systems", "Partners", "Works", "Analytics", "Supply")

INDUSTRIES = (
    "Software",
    "Manufacturing",
    "Logistics",
    "Healthcare",
    "Retail",
    "Financial services",
    "Education",
    "Energy",
    "Media",
    "Construction",
)

JOB_TITLES = (
    "Data Analyst",
    "Head of Marketing",
    "Product Manager",
    "Operations Manager",
    "Engineer",
    "Account Executive",
    "Finance Manager",
    "VP Sales",
    "Customer Success Manager",
    "Consultant",
    "Chief Technology Officer",
    "Marketing Specialist",
    "Business Analyst",
    "Office Manager",
)

DESKTOP_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/137.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.4 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/137.0 Edg/137.0",
)
MOBILE_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604",
    "Mozilla/5.0 (Linux; Android 15; Mobile) AppleWebKit/537.36 Chrome/137.0 Mobile Safari/537.36",
)


class Country(NamedTuple):
    """A market. ``first_hour`` is when offices open in UTC, ``offset`` minutes east of UTC."""

    code: str
    first_hour: int
    offset: int
    places: tuple[tuple[str, str], ...]


COUNTRIES = (
    Country(
        "US",
        14,
        -300,
        (
            ("New York", "New York"),
            ("Illinois", "Chicago"),
            ("Texas", "Austin"),
            ("Ohio", "Columbus"),
        ),
    ),
    Country("FR", 7, 120, (("Île-de-France", "Paris"), ("Rhône", "Lyon"), ("Nord", "Lille"))),
    Country("GB", 8, 60, (("England", "London"), ("England", "Leeds"), ("Scotland", "Glasgow"))),
    Country("DE", 7, 120, (("Berlin", "Berlin"), ("Bayern", "München"), ("Hamburg", "Hamburg"))),
)
COUNTRY_WEIGHTS = (35, 25, 20, 20)


class Phone(NamedTuple):
    """A phone number in its three parts, digits only."""

    country_code: str
    area: str
    line: str

    @property
    def e164(self) -> str:
        """The normalised number: a plus sign and digits."""
        return f"+{self.country_code}{self.area}{self.line}"


# (area, head of the line, digits that follow): ranges kept free for fiction by NANPA,
# ARCEP, Ofcom and the Bundesnetzagentur.
_US_AREAS = _words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 "
    "239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 "
    "310 312 313 314 315 316 317 318 319 320 321 323 330 331 334 336 337 339 346 347 351 352"
)
_GB_AREAS = _words("113 114 115 116 117 118 121 131 141 151 161")
_RANGES: dict[str, tuple[str, tuple[tuple[str, str, int], ...]]] = {
    "US": ("1", tuple((area, "55501", 2) for area in _US_AREAS)),
    "FR": (
        "33",
        (
            ("1", "9900", 4),
            ("2", "6191", 4),
            ("3", "5301", 4),
            ("4", "6571", 4),
            ("5", "3649", 4),
            ("6", "3998", 4),
        ),
    ),
    "GB": (
        "44",
        (
            ("1632", "960", 3),
            ("20", "79460", 3),
            ("7700", "900", 3),
            *((area, "4960", 3) for area in _GB_AREAS),
        ),
    ),
    "DE": (
        "49",
        (
            ("30", "23125", 3),
            ("69", "90009", 3),
            ("40", "66969", 3),
            ("221", "4710", 3),
            ("89", "99998", 3),
        ),
    ),
}
_STRIDE = 7919  # a prime that divides no pool, so neighbours in an office do not count upwards


class PhoneBook:
    """Hands out every number once."""

    def __init__(self) -> None:
        self._given = dict.fromkeys(_RANGES, 0)

    def next(self, country: str) -> Phone | None:
        """A number nobody has, or None when the country's fictional numbers are used up."""
        code, ranges = _RANGES[country]
        total = sum(10**digits for _, _, digits in ranges)
        if self._given[country] >= total:
            return None
        index = self._given[country] * _STRIDE % total
        self._given[country] += 1
        for area, head, digits in ranges:
            if index < 10**digits:
                return Phone(code, area, f"{head}{index:0{digits}d}")
            index -= 10**digits
        raise AssertionError("the index lies within the pool")


def written_phone(rng: random.Random, phone: Phone) -> str:
    """The number as a form, a sales person or an import might have written it."""
    code, area, line = phone
    forms = [
        phone.e164,
        f"+{code} {area} {line}",
        f"+{code}-{area}-{line}",
        f"00{code}{area}{line}",
        f"+{code} ({area}) {line}" if code == "1" else f"+{code} (0){area} {line}",
    ]
    return rng.choice(forms)


def written_email(rng: random.Random, email: str) -> str:
    """The address, now and then with capitals and blanks around it."""
    draw = rng.random()
    if draw < 0.94:
        return email
    if draw < 0.96:
        return f" {email} "
    if draw < 0.98:
        return email.upper()
    return f"  {email.title()} "


def company_name(number: int) -> str:
    """The unique name of the account with that number (counted from 0)."""
    bases = len(_COMPANY_HEADS) * len(_COMPANY_TAILS)
    generation, position = divmod(number, bases)
    head, tail = divmod(position * _STRIDE % bases, len(_COMPANY_TAILS))
    form = _COMPANY_FORMS[generation % len(_COMPANY_FORMS)]
    later = generation // len(_COMPANY_FORMS)
    name = f"{_COMPANY_HEADS[head]}{_COMPANY_TAILS[tail]} {form}".strip()
    return f"{name} {later + 1}" if later else name


def ascii_name(name: str) -> str:
    """Lower case without accents, as mail addresses and domains spell names."""
    for letter, spelled in (("ü", "ue"), ("ö", "oe"), ("ä", "ae")):
        name = name.replace(letter, spelled)
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return folded.lower().replace(" ", "-")


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def opaque_id(number: int) -> str:
    """Six letters and digits, different for every number, that do not look like a sequence."""
    # 3**18 shares no factor with 62, so multiplying is one-to-one modulo 62**6.
    rest = (number + 1) * 3**18 % 62**6
    letters = []
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        letters.append(_DIGITS[digit])
    return "".join(letters)


def uuid_text(rng: random.Random) -> str:
    """A version 4 UUID from the given generator."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def office_ip(account: int) -> str:
    """The address all people of one office share (198.18.0.0/15, reserved for benchmarks)."""
    return f"198.{18 + account // 65536 % 2}.{account // 256 % 256}.{account % 256}"


def home_ip(rng: random.Random) -> str:
    """A private connection's address (100.64.0.0/10 or the IPv6 documentation prefix)."""
    if rng.random() < 0.7:
        return f"100.{rng.randint(64, 127)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    return f"2001:db8:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}::{rng.randint(1, 99):x}"
