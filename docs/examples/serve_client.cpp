// Asks `mnist serve` for the digit on a picture, with libcurl.
//
//   c++ -std=c++20 docs/examples/serve_client.cpp -lcurl -o serve_client
//   ./serve_client http://127.0.0.1:8080 4.png
//
// Prints the server's answer, a JSON object. With a key, add a header line "Authorization: Bearer KEY".

#include <curl/curl.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

static std::size_t append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: serve_client URL PICTURE\n";
    return 2;
  }
  std::ifstream file(arguments[2], std::ios::binary);
  const std::string picture{std::istreambuf_iterator<char>(file), {}};
  if (!file || picture.empty()) {
    std::cerr << "cannot read " << arguments[2] << '\n';
    return 3;
  }

  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: image/png");  // or JPEG: the server looks
  const std::string url = std::string(arguments[1]) + "/predict?top_k=3";
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, picture.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(picture.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);

  const CURLcode result = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  if (result != CURLE_OK) {
    std::cerr << curl_easy_strerror(result) << '\n';
    return 1;
  }
  std::cout << answer << '\n';
  return status == 200 ? 0 : 1;
}
