import ControlPlane
import Telemetry

extension PrometheusText {
  /// What the control plane counts; docs/metrics.md lists it.
  mutating func add(control counters: ControlCounters) {
    family("porthole_api_calls_total", .counter, "Calls of the control API, by the status of their answer.")
    for (status, count) in counters.calls.sorted(by: { $0.key < $1.key }) {
      sample("porthole_api_calls_total", "\(count)", ["status": "\(status)"])
    }
    family("porthole_wakes_total", .counter, "Sandboxes that requests woke, by how it went.")
    sample("porthole_wakes_total", "\(counters.wakes)", ["result": "done"])
    sample("porthole_wakes_total", "\(counters.wakesFailed)", ["result": "failed"])
    family("porthole_link_redemptions_total", .counter, "Attempts to use a single-use link, by how they went.")
    sample("porthole_link_redemptions_total", "\(counters.redemptions)", ["result": "granted"])
    sample("porthole_link_redemptions_total", "\(counters.redemptionsRefused)", ["result": "refused"])
    family("porthole_events_total", .counter, "Events written to the feed.")
    sample("porthole_events_total", "\(counters.events)")
    family("porthole_event_subscribers", .gauge, "Clients that follow the feed now.")
    sample("porthole_event_subscribers", "\(counters.subscribers)")
    family("porthole_runner_failures_total", .counter, "Verbs of the runner that failed or took too long.")
    sample("porthole_runner_failures_total", "\(counters.runnerFailures)")
  }
}
