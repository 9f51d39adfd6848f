// The report as a JSON object, for those who put it into another one.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/pagoda/report/report.hpp"

namespace pagoda::tools {

[[nodiscard]] nlohmann::ordered_json report_object(const RunReport &report);

} // namespace pagoda::tools
