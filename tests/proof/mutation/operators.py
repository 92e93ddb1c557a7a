"""The possible errors in a line: each operator replaces one node of a syntax tree with others of its kind."""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

ENUMS = {"StrEnum", "Flag"}
SWAPPED_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
SWAPPED: Mapping[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,),
}
CONDITIONS = {"test", "ifs"}
UNMUTATED = {"annotation", "returns", "decorator_list"}


class Words(NamedTuple):
    """Declarations of the whole core: the members of enums, and the arguments of each call without a default."""

    members: Mapping[str, list[str]]
    required: set[tuple[str, str]]


class Site(NamedTuple):
    """A node of a tree and its position: a field of its parent, or an element of it; `scope` is its function."""

    scope: ast.AST | None
    statement: ast.stmt
    parent: ast.AST
    field: str
    position: int | None
    node: ast.AST

    def put(self, node: ast.AST | None) -> None:
        """Put another node at this position, or none."""
        if self.position is None:
            setattr(self.parent, self.field, node)
        elif node is None:
            getattr(self.parent, self.field).pop(self.position)
        else:
            getattr(self.parent, self.field)[self.position] = node

    def change(self, node: ast.AST | None) -> str:
        """Describe the change in words. For an operator it includes the operands."""
        whole = self.parent if isinstance(self.node, ast.operator | ast.cmpop | ast.boolop) else self.node
        before = _text(whole)
        if whole is self.node:
            return f"{before} → {_text(node) if node else 'left out'}"
        self.put(node)
        after = _text(whole)
        self.put(self.node)
        return f"{before} → {after}"


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())


def words(trees: list[ast.Module]) -> Words:
    """Return the enums and the signatures of these modules."""
    members: dict[str, list[str]] = {}
    required: set[tuple[str, str]] = set()
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.ClassDef) and ENUMS & {ast.unparse(base) for base in node.bases}:
            names = [each.targets[0] for each in node.body if isinstance(each, ast.Assign)]
            members[node.name] = [name.id for name in names if isinstance(name, ast.Name)]
        elif isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and each.value is None]
            required |= {(node.name, each.target.id) for each in fields if isinstance(each.target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            least = len(node.args.args) - len(node.args.defaults)
            only = [
                arg for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if not default
            ]
            required |= {(node.name, arg.arg) for arg in [*node.args.args[:least], *only]}
    return Words(members, required)


def sites(node: ast.AST, scope: ast.AST | None = None, statement: ast.stmt | None = None) -> Iterator[Site]:
    """Return every position below a node that can be wrong, in the order of the text."""
    for field, value in ast.iter_fields(node):
        if field in UNMUTATED:
            continue
        inside = node if field == "body" and isinstance(node, ast.FunctionDef | ast.Lambda) else scope
        for position, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                within = child if isinstance(child, ast.stmt) else statement
                if within is not None:
                    yield Site(inside, within, node, field, position if isinstance(value, list) else None, child)
                yield from sites(child, inside, within)


def variants(site: Site, known: Words) -> Iterator[ast.AST | None]:
    """Return the nodes that may replace a site's node; None removes it."""
    node, parent = site.node, site.parent
    yield from (kind() for kind in SWAPPED.get(type(node), ()))
    if site.field in CONDITIONS and not isinstance(parent, ast.Assert):
        yield from (ast.Constant(value) for value in (True, False))
    match node:
        case ast.Constant() | ast.Name() | ast.Attribute():
            yield from _words(node, known)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.keyword(arg=str(name)) if isinstance(parent, ast.Call):
            if (ast.unparse(parent.func).rpartition(".")[2], name) not in known.required:
                yield None


def _words(node: ast.AST, known: Words) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + step) for step in (1, -1))
        case ast.Name(id=name) if name in SWAPPED_NAMES:
            yield ast.Name(SWAPPED_NAMES[name], ast.Load())
        case ast.Attribute(value=ast.Name(id=enum), attr=member) if member in known.members.get(enum, ()):
            names = known.members[enum]
            yield ast.Attribute(ast.Name(enum, ast.Load()), names[(names.index(member) + 1) % len(names)], ast.Load())
