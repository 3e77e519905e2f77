/* Eight channels at once: GCC's vector type, one AVX register or two of NEON. Unaligned loads are allowed. */
#ifndef MNK_NN_VECTOR_H
#define MNK_NN_VECTOR_H

typedef float v8 __attribute__((vector_size(32), aligned(4)));

#define MNK_INLINE static inline __attribute__((always_inline))

#endif
