// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { compileFolder, folderPaths, setupFolder } from '../../../../keepers/zkml/index.ts'
import { randomInput } from '../circuit/forgery.ts'
import { seeded, smallClassifier } from '../circuit/programs.ts'
import { findChromium } from './browser.ts'
import { type LookupPageResult, lookupPage } from './lookup-page.ts'
import { runBuiltPage } from './page.ts'

/** Modules, workers and kernels of a page that proves with lookups. */
const MAX_CODE_BYTES = 3_000_000

describe('a page that proves with lookups', function () {
  this.timeout(120_000)
  let folder: string
  const program = smallClassifier()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-lookup-page-'))
    await compileFolder({ folder, program, system: 'groth16-lookup' })
    await setupFolder(folder)
  })
  after(() => rm(folder, { recursive: true }))

  it('is at most 3 MB of code, gets its key once, and proves on threads without cross-origin isolation', async function () {
    const { script, files } = await lookupPage(folder, randomInput(program, seeded(5)), 2)
    const chromium = findChromium()
    const { result, codeBytes } = await runBuiltPage(chromium, script, files)
    console.log(`      ${codeBytes.toLocaleString('en-US')} bytes of code`)
    expect(codeBytes).to.be.within(200_000, MAX_CODE_BYTES)
    if (chromium === null) {
      console.warn('      no Chromium on the path (COHORT_CHROMIUM): the page is built and not opened')
      return this.skip()
    }
    const page = result as LookupPageResult
    expect(page.isolated).to.equal(false)
    const bytes = (await stat(folderPaths(folder).zkey)).size
    const [first, second, third] = page.downloads
    expect(first).to.include({ fetches: 1, fromCache: false })
    expect(first!.pieces).to.be.greaterThan(0)
    expect(first!.last!.loaded).to.equal(bytes)
    expect([bytes, null]).to.include(first!.last!.total)
    expect(second).to.deep.equal({ fetches: 0, pieces: 0, last: null, fromCache: true })
    // Asked for another key, the page neither takes the kept one nor the server's, and keeps neither.
    expect(page.refused).to.match(/circuit\.zkey is another key: its SHA-256 is 0x[0-9a-f]{64}, asked for was 0x0{64}/)
    expect(third).to.include({ fetches: 1, fromCache: false })
    expect(page.verified).to.deep.equal([true, true])
    expect(page.publicSignals[3]).to.equal('42')
  })
})
