// SPDX-License-Identifier: GPL-3.0-or-later
// Where the columns of a product start, so that each ends as a plain integer: column k receives the bits of `nh` doubles
// near 1.5·2^103 (0x4668…) and of `nl` near 1.5·2^52 (0x4338…), one more or less for the carries. Twice each, for two lanes.
//   columns 0–4  leave one 0x4338… in, which keeps a cleared column positive; the carry from it is 0x867 too high
//   columns 5–8  are 2^58 (positive) and 2^50 (rounds to signed digits) too high; the carry is 2^7 too high
//   column 9     ends as the bits of a double

export const MUL_STARTS: usize = memory.data<u64>([
  0xbcc8000000000000, 0xbcc8000000000000,
  0xa987fffffffff799, 0xa987fffffffff799,
  0x9647fffffffff799, 0x9647fffffffff799,
  0x8307fffffffff799, 0x8307fffffffff799,
  0x6fc7fffffffff799, 0x6fc7fffffffff799,
  0x2a33fffffffff799, 0x2a33fffffffff799,
  0x3d73ffffffffff80, 0x3d73ffffffffff80,
  0x50b3ffffffffff80, 0x50b3ffffffffff80,
  0x63f3ffffffffff80, 0x63f3ffffffffff80,
  0xb667ffffffffff80, 0xb667ffffffffff80,
], 16)

export const SQR_STARTS: usize = memory.data<u64>([
  0xbcc8000000000000, 0xbcc8000000000000,
  0xecbffffffffff799, 0xecbffffffffff799,
  0x1fe7fffffffff799, 0x1fe7fffffffff799,
  0x4fdffffffffff799, 0x4fdffffffffff799,
  0x8307fffffffff799, 0x8307fffffffff799,
  0x3d73fffffffff799, 0x3d73fffffffff799,
  0xd7bffffffffff80, 0xd7bffffffffff80,
  0xda53ffffffffff80, 0xda53ffffffffff80,
  0xaa5bffffffffff80, 0xaa5bffffffffff80,
  0xb667ffffffffff80, 0xb667ffffffffff80,
], 16)

export const COMPLEX_STARTS: usize = memory.data<u64>([
  0x7990000000000000, 0x7990000000000000,
  0xdcaffffffffff799, 0xdcaffffffffff799,
  0x3fcffffffffff799, 0x3fcffffffffff799,
  0xa2effffffffff799, 0xa2effffffffff799,
  0x60ffffffffff799, 0x60ffffffffff799,
  0xbd4bfffffffff799, 0xbd4bfffffffff799,
  0x5a2bffffffffff80, 0x5a2bffffffffff80,
  0xf70bffffffffff80, 0xf70bffffffffff80,
  0x93ebffffffffff80, 0x93ebffffffffff80,
  0x6fffffffffffff80, 0x6fffffffffffff80,
], 16)

