"""Reference data (divisions, calendar, rule packs, banks) and the demonstration district.

In a checkout this is the package `seeds`, in an installed wheel `service._seeds`: modules in it
import each other relatively.
"""
