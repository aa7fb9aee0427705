"""From circuits to code: `builder` is the language, `loops` the loop nests, `llvm` the emitter of LLVM IR text."""
