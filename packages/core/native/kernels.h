// The operations of this package, by file; each file documents the inputs and outputs. Call every function once per process;
// it returns the names of the operations that TensorFlow accepted.
#pragma once

#include <string>
#include <vector>

namespace headshare {

std::vector<std::string> RegisterBatchNorm();
std::vector<std::string> RegisterBatchNormGradient();
std::vector<std::string> RegisterChannels();
std::vector<std::string> RegisterConvGradFilter();
std::vector<std::string> RegisterDepthwise();
std::vector<std::string> RegisterDepthwiseGradient();
std::vector<std::string> RegisterHalfSquares();
std::vector<std::string> RegisterHardActivations();
std::vector<std::string> RegisterPackedConvolution();
std::vector<std::string> RegisterPRelu();
std::vector<std::string> RegisterSgd();
std::vector<std::string> RegisterTwoSum();
std::vector<std::string> RegisterWinograd();

}  // namespace headshare
