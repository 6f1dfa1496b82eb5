// Holds each object of the Prometheus Operator in a YAML file against the operator's schemas. Usage: node FILE.mjs all.yaml
import { readFileSync } from "node:fs";
import * as models from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { parseAllDocuments } from "yaml";

const objects = parseAllDocuments(readFileSync(process.argv[2], "utf8")).map((document) => document.toJSON());
const ours = objects.filter((object) => object.apiVersion === "monitoring.coreos.com/v1");
if (ours.length !== 2) throw new Error(`${ours.length} objects of the operator`);
for (const object of ours) {
  new models[object.kind](object).validate();
  console.log(`${object.kind} ${object.metadata.name}: keeps the operator's schema`);
}

// The check can fail: a rule whose expression is missing, and an endpoint whose port is no name.
const broken = { PrometheusRule: (it) => delete it.spec.groups[0].rules[0].expr, ServiceMonitor: (it) => (it.spec.endpoints[0].port = 7) };
for (const object of ours) {
  const copy = structuredClone(object);
  broken[object.kind](copy);
  let found = false;
  try { new models[object.kind](copy).validate(); } catch { found = true; }
  if (!found) throw new Error(`a mistake in ${object.kind} was not found`);
}
