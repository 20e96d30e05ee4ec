// SPDX-License-Identifier: GPL-3.0-or-later
// A private story and the reader that is released: test/commands/private-content.test.ts has a smaller one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateStoryCircuit } from '../../keepers/apps/story/index.ts'
import { CACHE } from '../../scripts/bootstrap/paths.mjs'
import { succeed } from '../commands/command-line.ts'
import { itIsProvenInNoOutput, shownKey } from '../commands/private-story.ts'

const TAG = '0x0123456789abcdef'

describe('a private story in the released circuit', function () {
  this.timeout(600_000)

  it('is signed for a market, read and proven, and in no output', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cohort-private-'))
    try {
      const key = join(home, 'press.key')
      const { material } = await succeed('sign-key', '--out', key)
      const { folder } = await privateStoryCircuit(join(CACHE, 'story'))
      await itIsProvenInNoOutput({ folder, home, key, shown: shownKey(material, TAG), tag: TAG })
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
