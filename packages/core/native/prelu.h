// PReLU and its gradient, each in one pass over memory; of element-wise operations it takes nine.
#pragma once

#include <string>
#include <vector>

namespace headshare {

// Registers with TensorFlow, for the CPU and float32:
//   HeadsharePRelu(x [..., c], alpha [c]) -> y, like x
//   HeadsharePReluGrad(dy, x, alpha) -> dx, like x; dalpha [c]
// To be called once a process. Returns the names of those that TensorFlow accepted.
std::vector<std::string> RegisterPRelu();

}  // namespace headshare
