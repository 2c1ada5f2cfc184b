// Validates custom resources, given as one JSON list on stdin, by the schemas of their operators; prints each fault.
// Has to lie in a folder where @kubernetes-models/{keda,prometheus-operator} are installed.
import { readFileSync } from "node:fs";

const packages = { "keda.sh/v1alpha1": "keda", "monitoring.coreos.com/v1": "prometheus-operator" };

for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const { apiVersion, kind, metadata } = resource;
  const kinds = await import(`@kubernetes-models/${packages[apiVersion]}/${apiVersion}/${kind}`);
  try {
    new kinds[kind](resource).validate();
  } catch (error) {
    console.log(`${kind}/${metadata.name}: ${error.message}`);
  }
}
