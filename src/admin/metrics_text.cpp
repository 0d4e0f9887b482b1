#include "admin/metrics_text.h"

#include <charconv>
#include <initializer_list>
#include <span>
#include <utility>

namespace pollux {
namespace {

struct Label {
  std::string_view name, value;
};

std::string text_of(auto number) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

double seconds(auto duration) {
  return std::chrono::duration<double>(duration).count();
}

// Writes families one after the other; all samples of a family stand together.
class Exposition {
 public:
  Exposition& family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    return *this;
  }

  void sample(auto value, std::initializer_list<Label> labels = {}) {
    sample("", value, std::span(labels.begin(), labels.size()));
  }

  void histogram(const Histogram& histogram, std::string_view dialect, std::string_view endpoint) {
    std::uint64_t so_far = 0;
    for (std::size_t at = 0; at < histogram.buckets().size(); ++at) {
      so_far += histogram.buckets()[at];
      const auto bound = at < Histogram::bounds.size() ? text_of(Histogram::bounds[at]) : "+Inf";
      const std::array labels{Label{"dialect", dialect}, Label{"endpoint", endpoint}, Label{"le", bound}};
      sample("_bucket", so_far, labels);
    }
    const std::array labels{Label{"dialect", dialect}, Label{"endpoint", endpoint}};
    sample("_sum", seconds(histogram.sum()), labels);
    sample("_count", so_far, labels);
  }

  std::string take() { return std::move(text_); }

 private:
  void sample(std::string_view suffix, auto value, std::span<const Label> labels) {
    text_.append(name_).append(suffix);
    char before = '{';
    for (const auto& [name, label_value] : labels) {
      (text_ += std::exchange(before, ',')).append(name).append("=\"");
      append_escaped(label_value);
      text_ += '"';
    }
    if (!labels.empty()) text_ += '}';
    text_.append(" ").append(text_of(value)).append("\n");
  }

  void append_escaped(std::string_view value) {
    for (const char letter : value) {
      if (letter == '\\' || letter == '"') text_ += '\\';
      if (letter == '\n') {
        text_ += "\\n";
      } else {
        text_ += letter;
      }
    }
  }

  std::string text_;
  std::string_view name_;
};

void write_requests(Exposition& text, const ExchangeCounts& traffic) {
  text.family("pollux_requests_total", "counter",
              "Requests that are over, by the status that the client got (none: it left before).");
  for (const auto& [labels, count] : traffic.requests) {
    text.sample(count, {{"dialect", labels.dialect},
                        {"endpoint", labels.endpoint},
                        {"model", traffic.models[labels.model]},
                        {"status", labels.status == 0 ? "none" : std::to_string(labels.status)}});
  }
  text.family("pollux_request_outcomes_total", "counter",
              "Requests that are over, by how: answered, failed, client_gone.");
  for (const auto& [outcome, count] : traffic.outcomes) text.sample(count, {{"outcome", outcome}});

  text.family("pollux_attempts_total", "counter", "Requests sent to Google, by what became of each.");
  for (const auto& [result, count] : traffic.attempts) text.sample(count, {{"result", result}});
}

void write_latencies(Exposition& text, const ExchangeCounts& traffic) {
  text.family("pollux_request_duration_seconds", "histogram", "Time from a request's head to its end.");
  for (const auto& [labels, latency] : traffic.latencies)
    text.histogram(latency.duration, labels.dialect, labels.endpoint);

  text.family("pollux_first_byte_seconds", "histogram",
              "Time from a request's head to the first byte of its answer.");
  for (const auto& [labels, latency] : traffic.latencies)
    text.histogram(latency.first_byte, labels.dialect, labels.endpoint);
}

void write_tokens(Exposition& text, const ExchangeCounts& traffic) {
  text.family("pollux_tokens_total", "counter",
              "Tokens by Google's account; cached ones are among the input.");
  for (std::size_t model = 0; model < traffic.models.size(); ++model) {
    const auto& name = traffic.models[model];
    const auto& tokens = traffic.tokens[model];
    if (tokens == TokenCounts{}) continue;
    text.sample(tokens.input, {{"model", name}, {"kind", "input"}});
    text.sample(tokens.cached, {{"model", name}, {"kind", "cached"}});
    text.sample(tokens.output, {{"model", name}, {"kind", "output"}});
    text.sample(tokens.thoughts, {{"model", name}, {"kind", "thoughts"}});
  }
}

void write_present(Exposition& text, const MetricsReport& report) {
  text.family("pollux_requests_in_flight", "gauge", "Requests that are being answered.")
      .sample(report.in_flight);
  text.family("pollux_requests_waiting", "gauge", "Requests that wait for a key.").sample(report.waiting);

  text.family("pollux_keys", "gauge", "Keys in the pool, by their state.");
  for (std::size_t at = 0; at < report.keys.size(); ++at)
    text.sample(report.keys[at], {{"state", name_of(static_cast<KeyStanding>(at))}});

  text.family("pollux_loop_lag_seconds", "gauge",
              "How long a task waited for the worker's event loop, measured now.");
  for (std::size_t at = 0; at < report.loop_lags.size(); ++at)
    text.sample(seconds(report.loop_lags[at]), {{"worker", text_of(at + 1)}});

  text.family("pollux_live_feed_listeners", "gauge", "Open streams of /admin/events.")
      .sample(report.listeners);
}

void write_troubles(Exposition& text, const MetricsReport& report) {
  text.family("pollux_in_trouble", "gauge",
              "1 while a database cannot be written, or the newest policy files do not load.");
  text.sample(report.in_trouble.database ? 1 : 0, {{"part", "database"}});
  text.sample(report.in_trouble.request_log ? 1 : 0, {{"part", "request_log"}});
  text.sample(report.in_trouble.policies ? 1 : 0, {{"part", "policies"}});

  text.family("pollux_request_log_written_total", "counter", "Requests that were written to the request log.")
      .sample(report.request_log.written);
  text.family("pollux_request_log_dropped_total", "counter",
              "Requests missing in the request log: the disk refused them or was too slow.")
      .sample(report.request_log.dropped);
  text.family("pollux_request_log_waiting", "gauge", "Requests that wait to be written to the request log.")
      .sample(report.request_log.waiting);
  text.family("pollux_log_lines_dropped_total", "counter",
              "Log lines lost because the disk or terminal was slow.")
      .sample(report.log_lines_dropped);
}

void write_process(Exposition& text, const ProcessFacts& process) {
  text.family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")
      .sample(process.resident_bytes);
  text.family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.")
      .sample(seconds(process.cpu));
  text.family("process_open_fds", "gauge", "Number of open file descriptors.").sample(process.open_files);
  text.family("process_max_fds", "gauge", "Maximum number of open file descriptors.")
      .sample(process.most_files);
  text.family("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.")
      .sample(seconds(process.started.time_since_epoch()));
}

}  // namespace

KeysByStanding count_by_standing(const std::vector<KeyPool::Standing>& keys) {
  KeysByStanding counts{};
  for (const auto& key : keys) ++counts[static_cast<std::size_t>(key.standing)];
  return counts;
}

std::string metrics_text(const MetricsReport& report) {
  Exposition text;
  write_requests(text, report.traffic);
  write_latencies(text, report.traffic);
  write_tokens(text, report.traffic);
  write_present(text, report);
  write_troubles(text, report);
  write_process(text, report.process);
  text.family("pollux_build_info", "gauge", "Always 1; says what is running.")
      .sample(1, {{"version", report.version}});
  return text.take();
}

}  // namespace pollux
