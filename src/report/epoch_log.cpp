#include "mnist/report/epoch_log.hpp"

#include <fmt/format.h>

#include "mnist/report/progress.hpp"

namespace mnist {

std::string epoch_line(const EpochReport& report, std::int64_t first_epoch) {
  const TrainingReport& train = report.train;
  const double seconds = train.seconds + report.test_seconds;
  const std::int64_t shift = first_epoch - 1;
  const std::string left =
      train.epoch == train.epochs
          ? ""
          : fmt::format(", {} left", short_duration(seconds * static_cast<double>(train.epochs - train.epoch)));
  constexpr double kWithTenths = 100;
  return fmt::format("Epoch {}/{}: loss {:.4f}, test loss {:.4f}, accuracy {:.2f} %, {:.{}f} s{}", train.epoch + shift,
                     train.epochs + shift, train.loss, report.test.loss, 100 * report.test.accuracy(), seconds,
                     seconds < kWithTenths ? 1 : 0, left);
}

}  // namespace mnist
