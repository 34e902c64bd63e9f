"""Contract types of our own for import-linter: what the core may import.

Named in `[tool.importlinter]` of pyproject.toml; `core` there is a package, `edges` are its
subpackages that may know third parties.
"""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class _CoreContract(Contract):
    """Direct imports of every core module; edges are left out by name."""

    core = fields.StringField()
    edges = fields.ListField(subfield=fields.StringField())

    def core_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Each (importer, imported) of the core's modules, in order."""
        core, edges = str(self.core), [str(edge) for edge in self.edges]  # type: ignore[attr-defined]
        return sorted(
            (module, imported)
            for module in graph.modules
            if _inside(module, [core]) and not _inside(module, edges)
            for imported in graph.find_modules_directly_imported_by(module)
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that breaks the contract."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}")


class StandardLibraryOnly(_CoreContract):
    """The core imports itself and the standard library, but for the imports that are listed."""

    type_name = "standard_library_only"
    allowed = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 # import-linter's signature
        """Find imports of third parties."""
        allowed = {str(pair) for pair in self.allowed or ()}  # type: ignore[attr-defined]
        broken = [
            (importer, imported)
            for importer, imported in self.core_imports(graph)
            if not _inside(imported, [str(self.core)])
            and imported.partition(".")[0] not in sys.stdlib_module_names
            and f"{importer} -> {imported}" not in allowed
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})


class CoreWithoutEdges(_CoreContract):
    """No core module imports an edge."""

    type_name = "core_without_edges"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 # import-linter's signature
        """Find imports of edges."""
        edges = [str(edge) for edge in self.edges]  # type: ignore[attr-defined]
        broken = [pair for pair in self.core_imports(graph) if _inside(pair[1], edges)]
        return ContractCheck(kept=not broken, metadata={"broken": broken})


def _inside(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
