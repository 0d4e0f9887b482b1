#include "gateway/key_meaning.h"

namespace pollux {

void apply_meaning(KeyPool& pool, const KeyMeaning& meaning, int max_failures) {
  const auto& key = meaning.key;
  const KeyPool::BackOff rest{meaning.duration, meaning.most};
  if (meaning.kind == KeyMeaning::Kind::back_off_model) return pool.back_off_model(meaning.model, rest);
  if (!key) return;
  switch (meaning.kind) {
    case KeyMeaning::Kind::cool_down:
      return pool.cool_down(*key, meaning.model, meaning.duration, meaning.reason);
    case KeyMeaning::Kind::back_off:
      return pool.back_off(*key, meaning.model, rest);
    case KeyMeaning::Kind::back_off_model:
      return;
    case KeyMeaning::Kind::disable:
      return pool.disable(*key, meaning.reason);
    case KeyMeaning::Kind::disable_project:
      return pool.disable_project(*key, meaning.reason);
    case KeyMeaning::Kind::strike:
      return pool.strike(*key, max_failures, meaning.reason);
    case KeyMeaning::Kind::learn_limit:
      return pool.learn_limit(*key, meaning.model, meaning.limit_kind, meaning.limit);
    case KeyMeaning::Kind::learn_project:
      return pool.learn_project(*key, meaning.project);
  }
}

}  // namespace pollux
