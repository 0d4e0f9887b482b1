#include <memory>
#include <utility>

#include "store/database_file.h"
#include "store/recorder.h"
#include "store/store.h"

namespace pollux {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<DatabaseFile> file) : recorder_(Recorder::start(std::move(file))) {}
  ~SqliteStore() override { recorder_->stop(); }

  std::vector<std::pair<KeyRecord, KeyState>> load_keys() override { return recorder_->file().load_keys(); }
  std::vector<QuotaState> load_quotas() override { return recorder_->file().load_quotas(); }
  std::vector<Client> load_clients() override { return recorder_->file().load_clients(); }
  std::vector<SessionRecord> load_sessions() override { return recorder_->file().load_sessions(); }
  std::vector<ClientUsageState> load_client_usage() override { return recorder_->file().load_client_usage(); }
  std::optional<std::string> load_value(std::string_view name) override {
    return recorder_->file().load_value(name);
  }

  void save_key(KeyRecord record, Done done) override {
    recorder_->record(std::move(record), std::move(done));
  }
  void remove_key(std::string id, Done done) override {
    recorder_->record(RemovedKey{std::move(id)}, std::move(done));
  }
  void save_client(Client client, Done done) override {
    recorder_->record(std::move(client), std::move(done));
  }
  void remove_client(std::string id, Done done) override {
    recorder_->record(RemovedClient{std::move(id)}, std::move(done));
  }
  void save_value(std::string name, std::string value, Done done) override {
    recorder_->record(NamedValue{std::move(name), std::move(value)}, std::move(done));
  }
  void save_session(SessionRecord session, Done done) override {
    recorder_->record(std::move(session), std::move(done));
  }
  void remove_session(std::string token_hash, Done done) override {
    recorder_->record(RemovedSession{std::move(token_hash)}, std::move(done));
  }

  void barrier(Done done) override { recorder_->barrier(std::move(done)); }
  void gather_states(std::function<PoolState()> source) override {
    recorder_->gather_from(std::move(source));
  }
  void states_changed() override { recorder_->states_changed(); }
  std::string health() const override { return recorder_->health(); }

 private:
  const std::shared_ptr<Recorder> recorder_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& directory) {
  auto file = DatabaseFile::open(directory);
  if (!file) return std::move(file).error();
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(*file)));
}

}  // namespace pollux
