// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { HeldKey } from '../../../keepers/agent/steps/held-key.ts'
import { systemClock } from '../../../keepers/chain/index.ts'
import type { MemberKey } from '../../../keepers/fhe/index.ts'
import { type RoundStage, roundStage } from './round-stage.ts'

describe('the key of an epoch, held for several checks', () => {
  let stage: RoundStage
  before(async () => {
    stage = await roundStage({ members: 5, threshold: 3, self: 1 })
  })
  after(() => stage.close())

  const isWiped = ({ material }: MemberKey): boolean => {
    try {
      material.reveal(() => undefined)
      return false
    } catch {
      return true
    }
  }

  it('is the same for uses that follow each other, and wiped at the end', async () => {
    const seen: MemberKey[] = []
    {
      using key = new HeldKey(stage.context, stage.frame)
      for (let i = 0; i < 2; i++) await key.use(async (opened) => seen.push(opened))
      expect(seen[1]).to.equal(seen[0])
      expect(isWiped(seen[0]!)).to.equal(false)
    }
    expect(isWiped(seen[0]!)).to.equal(true)
  })

  it('is wiped when nobody has used it for a moment, and opened again by the next use', async () => {
    using key = new HeldKey(stage.context, stage.frame)
    const first = await key.use(async (opened) => opened)
    await systemClock.sleep(700)
    expect(isWiped(first)).to.equal(true)
    const second = await key.use(async (opened) => {
      await systemClock.sleep(700)
      return isWiped(opened)
    })
    expect(second).to.equal(false)
  })
})
