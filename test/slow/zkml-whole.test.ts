// SPDX-License-Identifier: GPL-3.0-or-later
// The two circuits that ship: the article's CNN with its weights as constants, and a small CNN with private weights.
import { articleCnn, smallCommittedCnn } from '../keepers/zkml/circuit/programs.ts'
import { itIsTheNetwork } from '../keepers/zkml/circuit/whole.ts'

describe('whole circuits that ship', function () {
  this.timeout(600_000)
  itIsTheNetwork({ name: 'article CNN, released', program: articleCnn('before'), limit: 2 ** 15, images: 60 })
  itIsTheNetwork({ name: 'small CNN, committed', program: smallCommittedCnn(), limit: 65_000, images: 25 })
})
