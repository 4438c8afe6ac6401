// Declarations only, for a syntax check without tflite-micro.
#pragma once

namespace tflite {
struct Model;
const Model *GetModel(const void *content);
}  // namespace tflite
