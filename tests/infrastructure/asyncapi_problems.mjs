// Prints the problems that AsyncAPI's own parser finds in the document on the standard input, as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser/cjs/index.js";

const ERROR_OR_WARNING = 1; // notes, for example that a newer version of AsyncAPI exists, are greater
const { diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const found = diagnostics.filter((each) => each.severity <= ERROR_OR_WARNING);
console.log(JSON.stringify(found.map((each) => `${each.path.join(".")}: ${each.message}`)));
