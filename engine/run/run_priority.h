#pragma once

namespace switchyard {

/// Who is served first. Lab runs pause while others compute.
enum class RunPriority { Chat, Api, Lab };

} // namespace switchyard
