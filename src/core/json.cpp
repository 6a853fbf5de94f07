#include "mnist/core/json.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// Builds the value and counts. nlohmann's own parser has no limits, and with a callback it searches the whole object
// after each member: 40,000 members take seconds.
class BoundedJson final : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Json = nlohmann::json;

  BoundedJson() noexcept(false) = default;  // constructors of nlohmann's values may throw
  BoundedJson(const BoundedJson&) = delete;
  BoundedJson& operator=(const BoundedJson&) = delete;

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }  // does not occur in text

  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    count();
    auto [place, is_new] = open_.back()->get_ref<Json::object_t&>().try_emplace(std::move(name));
    if (!is_new) throw std::invalid_argument("its JSON has two entries " + quoted_name(place->first));
    member_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) override {
    throw std::invalid_argument(fmt::format("it is not valid JSON (error at byte {})", position));
  }

 private:
  static constexpr std::size_t kMostValues = 1'000'000;
  static constexpr std::size_t kDeepest = 16;

  void count() {
    if (++values_ > kMostValues) {
      throw std::invalid_argument(fmt::format("its JSON has more than {} values", kMostValues));
    }
  }

  // Adds the value to the innermost open object or array.
  Json& place(Json value) {
    count();
    if (open_.empty()) return root_ = std::move(value);
    if (open_.back()->is_object()) return *member_ = std::move(value);
    return open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() == kDeepest)
      throw std::invalid_argument(fmt::format("its JSON is nested more than {} deep", kDeepest));
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;  // the open objects and arrays, outermost first; they do not move while open
  Json* member_ = nullptr;   // the value of the last key
  std::size_t values_ = 0;
};

}  // namespace

nlohmann::json parse_bounded_json(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    throw std::invalid_argument(fmt::format("its JSON has {} bytes, the limit is {}", text.size(), kMaxJsonBytes));
  }
  BoundedJson reader;
  nlohmann::json::sax_parse(text, &reader);
  return reader.take();
}

std::int64_t whole_number(const nlohmann::json& object, const std::string& key) {
  const nlohmann::json& number = object.at(key);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (!number.is_number_integer() || (number.is_number_unsigned() && number.get<std::uint64_t>() > kMax)) {
    throw std::invalid_argument(fmt::format("{} is not a whole number", printable(key)));
  }
  return number.get<std::int64_t>();
}

std::string_view message_of(const nlohmann::json::exception& error) {
  const std::string_view what = error.what();  // "[json.exception.out_of_range.403] key 'a' not found"
  return what.substr(what.find("] ") + 2);
}

}  // namespace mnist
