# SPDX-License-Identifier: Apache-2.0
"""Names and comments of Swift, from names and descriptions of SystemRDL."""

import re
import textwrap

UPPER = set("BM MMI MDIO SPI NET RTC PPS TAS QCI NOC TX RX FPGA EMH EMA TCAM PTP VLAN MAC ID IPV4 PHY GCL CRC ECC QM "
            "DP CRC ROM XADC ACC SOF PMIC IPV PCIE HT TXF LED UDP TCP".split())
SPELLED = {"HC": "HeaderCreation", "ETH": "Ethernet", "SW": "Switch", "TM": "TrafficManager", "IPV4": "IPv4",
           "PCIE": "PCIe", "QCI0": "QCI", "QCI1": "QCI1", "ETHERTYPE": "EtherType"}
RESERVED = set("default internal public private protocol extension in is as case class enum func import init let "
               "operator return self static struct subscript switch throw true false var where while".split())


def _word(word):
    upper = word.upper()
    if upper in SPELLED:
        return SPELLED[upper]
    stem = upper.rstrip("0123456789")
    if upper in UPPER or (stem in UPPER and stem != upper):
        return upper
    return re.sub(r"(\d*)(.*)", lambda parts: parts[1] + parts[2].capitalize(), word)


def type_name(name):
    """COMMON_ADDR_MAP_REV -> CommonAddrMapRev"""
    return "".join(_word(w) for w in name.split("_"))


def property_name(name):
    """FPGA_ID0 -> fpgaID0; words that Swift keeps for itself in backticks"""
    first, *rest = [w for w in name.split("_") if w]
    made = first.lower() + "".join(_word(w) for w in rest)
    return f"`{made}`" if made in RESERVED else made


def doc(text, indent=0):
    """A documentation comment of at most 120 columns."""
    lead = " " * indent + "/// "
    lines = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, 120 - len(lead)) or [""]
    return "".join((lead + line).rstrip() + "\n" for line in lines)


def string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text, indent):
    """A string, in pieces if it is too long for a line."""
    lines = textwrap.wrap(text, 120 - indent - 12, drop_whitespace=False) or [""]
    return ("\n" + " " * (indent + 4) + "+ ").join(string(line) for line in lines)


def hexadecimal(value, digits=0):
    return f"0x{value:0{digits}x}"
