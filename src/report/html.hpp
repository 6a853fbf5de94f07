// Parts of an HTML page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace mnist {

// Any text for an element or an attribute: valid UTF-8, without control characters, markup escaped.
std::string html_text(const std::string& text);

// The PNG of the pixels, uint8 [C, H, W], as a "data:" address.
std::string image_address(const torch::Tensor& pixels);

// A table of two columns, headings and texts; nothing if there are no rows.
std::string fact_table(const std::vector<std::pair<std::string, std::string>>& rows);

// A table that a narrow screen scrolls, also with the keyboard. `name`: for screen readers.
std::string wide_table(const std::string& name, const std::string& table);

// "<section>" with a heading; nothing if the content is empty.
std::string page_section(const std::string& heading, const std::string& content);

}  // namespace mnist
