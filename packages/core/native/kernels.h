// The operations of our own, by the files that hold them; each says what its operations take and give. Every function
// is to be called once a process, and returns the names of the operations that TensorFlow accepted.
#pragma once

#include <string>
#include <vector>

namespace headshare {

std::vector<std::string> RegisterBatchNorm();
std::vector<std::string> RegisterPRelu();
std::vector<std::string> RegisterSgd();

}  // namespace headshare
