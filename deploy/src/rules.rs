//! The PrometheusRule: the groups of the rule files, indented under `spec`.

const HEAD: &str = "\
# when monitoring.enabled=false: Whether there is a Prometheus Operator: ServiceMonitor and PrometheusRule
# Written by `cargo run -p firstbad-deploy` from dashboards/prometheus/{rules,alerts}.yaml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: firstbad
  labels:
    app.kubernetes.io/name: firstbad
spec:
  groups:
";

/// The manifest of the rule files.
pub(crate) fn manifest(files: &[String]) -> String {
    let groups = files.iter().flat_map(|text| text.lines().skip_while(|line| *line != "groups:").skip(1));
    let indented = groups.map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    HEAD.to_owned() + &indented.collect::<String>()
}
