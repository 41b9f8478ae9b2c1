"""Locations of Artifact Registry: regions and multi-regions."""

from __future__ import annotations

import re

from .problem import Problem
from .suggestions import suggest

# "Geography and regions" names every region continent-directionNumber. A grammar instead of a list also
# accepts the regions that Google opens later. "Repository locations" adds the three multi-regions.
CONTINENTS = "africa asia australia europe me northamerica southamerica us".split()
DIRECTIONS = "north south east west central northeast northwest southeast southwest".split()
REGION = re.compile(rf"(?:{'|'.join(CONTINENTS)})-(?:{'|'.join(DIRECTIONS)})[1-9][0-9]?")
MULTI_REGIONS = ("us", "europe", "asia")
# Cloud Storage and BigQuery call the same multi-region EU.
BUCKET_EUROPE = "eu"
# "AI zones" have the longer suffix.
ZONE = re.compile(rf"(?P<region>{REGION.pattern})-(?:ai[0-9])?[a-z]")
# Highest region number among the suggestions.
SUGGESTED_NUMBER = 12


def check_location(key: str, value: str) -> list[Problem]:
    if value in MULTI_REGIONS or REGION.fullmatch(value):
        return []
    zone = ZONE.fullmatch(value)
    if zone:
        rule = "this is a zone, and Artifact Registry needs a region"
        return [Problem(key, value, rule, f"write {zone['region']}")]
    rule = f"the value must be a region (europe-west1) or a multi-region ({', '.join(MULTI_REGIONS)})"
    if value.lower() == BUCKET_EUROPE:
        return [Problem(key, value, rule, "write europe")]
    numbers = range(1, SUGGESTED_NUMBER + 1)
    regions = [f"{c}-{d}{n}" for c in CONTINENTS for d in DIRECTIONS for n in numbers]
    fix = suggest(value, [*regions, *MULTI_REGIONS], "run `gcloud artifacts locations list` to see all")
    return [Problem(key, value, rule, fix)]
