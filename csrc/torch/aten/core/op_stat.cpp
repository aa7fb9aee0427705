#include "torch/aten/core/op_stat.h"

#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace hologram::aten {
namespace {

struct Stats {
  std::mutex mutex;
  std::deque<OpStat> entries;   // never moves an entry: references handed out stay valid
  std::unordered_map<std::string_view, OpStat*> by_name;
};
Stats& stats() {
  static auto& instance = *new Stats;
  return instance;
}

}  // namespace

OpStat& op_stat(const char* name) {
  Stats& s = stats();
  std::lock_guard<std::mutex> lock(s.mutex);
  auto found = s.by_name.find(name);
  if (found != s.by_name.end()) return *found->second;
  OpStat& entry = s.entries.emplace_back();
  entry.name = name;
  s.by_name.emplace(name, &entry);
  return entry;
}

void for_each_op_stat(const std::function<void(OpStat&)>& visit) {
  Stats& s = stats();
  std::lock_guard<std::mutex> lock(s.mutex);
  for (OpStat& entry : s.entries) visit(entry);
}

}  // namespace hologram::aten
