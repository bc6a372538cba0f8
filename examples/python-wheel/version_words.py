"""Says in words how an installed version stands to the wanted one."""

from packaging.specifiers import SpecifierSet
from packaging.version import Version


def words(name: str, installed: str, wanted: str) -> str:
    """One line for one package; `wanted` is a specifier such as ">=1.2,<2"."""
    state = "ok" if Version(installed) in SpecifierSet(wanted) else f"does not satisfy {wanted}"
    return f"{name} {installed} {state}"
