"""LLVM's language, as text: values, memory, control."""
