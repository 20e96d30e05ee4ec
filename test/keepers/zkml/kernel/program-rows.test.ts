// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { compileKernel, Kernel } from '../../../../keepers/zkml/kernel/kernel.ts'
import { ProgramRows } from '../../../../keepers/zkml/prove/program-rows.ts'
import { fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'

const PAGE = 65536

describe('rows of the quadratic program in the kernel', () => {
  it('are read wherever the memory ends', async () => {
    const code = await compileKernel()
    const entry = [...[0, 0, 0].flatMap((word) => [word, 0, 0, 0]), ...fieldToBytes(1n)]
    const share = { coefficients: new Uint8Array(entry), firstRow: 0, rows: 1, variables: 1 }
    const take = (kernel: Kernel) => new ProgramRows(kernel, share)
    const probe = await Kernel.create(code)
    const before = probe.mark()
    take(probe)
    const each = probe.mark() - before
    for (let short = 0; short < 2 * each; short += 64) {
      const kernel = await Kernel.create(code)
      // So much before a page's end that some buffer of the rows ends with the page.
      const [start, filled] = [kernel.mark(), 64 * PAGE - (32 + 40) * 4096 - short]
      kernel.allocate(filled - start)
      expect(() => take(kernel), `${short} bytes before the end of a page`).to.not.throw()
    }
  })
})
