// The transfer-learning program's lines, byte for byte.
#include "mnist/report/transfer_log.hpp"

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(TransferLog, HasTheReferenceProgramsLines) {
  std::string text;
  TransferLog log([&](const std::string& line) { text += line; });
  const auto epoch = [&](std::int64_t number, std::int64_t correct) {
    const TrainingReport train = {.epoch = number, .epochs = 25, .loss = 0.61098, .correct = 179, .total = 244};
    log.epoch_started(number, 25);
    log.training_done(train);
    log.epoch_done({.train = train, .test = {.loss = 0.25, .correct = correct, .total = 153}});
  };
  epoch(1, 140);
  epoch(2, 140);
  EXPECT_EQ(text,
            "Epoch 0/24\n----------\ntrain Loss: 0.6110 Acc: 0.7336\nval Loss: 0.2500 Acc: 0.9150\n"
            "Epoch accuracy is better than current best, saving model...\n\n"
            "Epoch 1/24\n----------\ntrain Loss: 0.6110 Acc: 0.7336\nval Loss: 0.2500 Acc: 0.9150\n\n");
}

TEST(TransferLog, SaysWhichEpochIsWhich) {
  EXPECT_EQ(complete_line(125.9), "Training complete in 2m 5s");
  EXPECT_EQ(best_line({.correct = 145, .total = 153}), "Best val Acc: 0.947712");
  const Evaluation last{.correct = 144, .total = 153};
  EXPECT_EQ(last_line(3, 25, last, false), "Last val Acc: 0.941176 (epoch 24; saved are its weights)");
  EXPECT_EQ(last_line(3, 25, last, true),
            "Last val Acc: 0.941176 (epoch 24; saved are the weights of epoch 2, the best)");
}

TEST(TransferLog, BeginsAsTheReferenceProgramDoes) {
  EXPECT_EQ(transfer_header({"2.12.1", "cpu", "photos", 244, 153, {"ants", "bees"}, "finetuning"}),
            "PyTorch version: 2.12.1\nUsing device: cpu\nData directory: photos\n"
            "Dataset sizes: {'train': 244, 'val': 153}\nClasses: ['ants', 'bees']\n"
            "Transfer learning scenario: finetuning\n\n");
}

}  // namespace
}  // namespace mnist
