// A fake libnvidia-ml.so.1 for tests: two GPUs; the second one does not report power and temperature.
#include <cstddef>
#include <cstring>

namespace {

constexpr int kNotSupported = 3;
constexpr int kTooSmall = 7;
int first = 0;
int second = 1;

int copy(const char* text, char* out, unsigned size) {
  const std::size_t length = std::strlen(text) + 1;
  if (length > size) return kTooSmall;
  std::memcpy(out, text, length);
  return 0;
}

bool is_second(const void* device) {
  return device == &second;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  return 0;
}
int nvmlSystemGetDriverVersion(char* out, unsigned size) {
  return copy("580.00.1", out, size);
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = index == 0 ? &first : &second;
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  if (std::strcmp(uuid, "GPU-2") != 0) return 6;
  *device = &second;
  return 0;
}
int nvmlDeviceGetIndex(void* device, unsigned* index) {
  *index = is_second(device) ? 1 : 0;
  return 0;
}
int nvmlDeviceGetName(void* /*device*/, char* out, unsigned size) {
  return copy("Fake GPU", out, size);
}
int nvmlDeviceGetUUID(void* device, char* out, unsigned size) {
  return copy(is_second(device) ? "GPU-2" : "GPU-1", out, size);
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  memory[0] = 8ULL << 30;
  memory[2] = is_second(device) ? 1ULL << 30 : 6ULL << 30;
  memory[1] = memory[0] - memory[2];
  return 0;
}
int nvmlDeviceGetTemperature(void* device, int /*sensor*/, unsigned* degrees) {
  *degrees = 54;
  return is_second(device) ? kNotSupported : 0;
}
int nvmlDeviceGetUtilizationRates(void* /*device*/, unsigned* rates) {
  rates[0] = 87;
  rates[1] = 12;
  return 0;
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  *milliwatts = 210500;
  return is_second(device) ? kNotSupported : 0;
}
}
