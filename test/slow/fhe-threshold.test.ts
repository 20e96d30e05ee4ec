// SPDX-License-Identifier: GPL-3.0-or-later
import { itDecryptsTheSum } from '../keepers/fhe/t-of-n.ts'

describe('fhe t of n, large', () => {
  itDecryptsTheSum(22, 32)
  itDecryptsTheSum(43, 64)
})
