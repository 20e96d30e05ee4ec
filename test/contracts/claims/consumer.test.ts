// SPDX-License-Identifier: GPL-3.0-or-later
// The example that asks only models with a badge.
import { expect } from 'chai'
import { HOUR, INPUT, PRICE } from '../inference/hub.ts'
import { createClaims, DAY } from './claims.ts'

describe('FairReader', () => {
  it('asks a model while the version in force has the badge, and no longer', async () => {
    const { hub, claims, required, terms, publish, user, models, service, now, ethers, networkHelpers } =
      await createClaims()
    const reader = await ethers.deployContract('FairReader', [hub, claims, required({ bound: 54 })])
    const ask = (modelId: number) => reader.connect(user).ask(modelId, INPUT, { value: PRICE })
    await expect(ask(1)).to.be.revertedWithCustomError(reader, 'NoBadge').withArgs(1, 1)
    const expiresAt = (await now()) + 30 * DAY
    await publish(await terms({ expiresAt }))
    await expect(ask(1)).to.emit(hub, 'InferenceRequested')
    // Model 2 pins version 2, of which nobody claims anything.
    await expect(ask(2)).to.be.revertedWithCustomError(reader, 'NoBadge').withArgs(2, 2)
    // Model 1 follows the releases: a new release needs a claim of its own.
    const snapshot = await networkHelpers.takeSnapshot()
    await models.release(service, 2)
    await expect(ask(1)).to.be.revertedWithCustomError(reader, 'NoBadge').withArgs(1, 2)
    await snapshot.restore()
    await networkHelpers.time.increaseTo(expiresAt - HOUR)
    await ask(1)
    await networkHelpers.time.increaseTo(expiresAt)
    await expect(ask(1)).to.be.revertedWithCustomError(reader, 'NoBadge').withArgs(1, 1)
  })

  it('takes no badge of another service for the one that answers', async () => {
    const { hub, claims, required, user, service, dao, ethers } = await createClaims()
    const reader = await ethers.deployContract('FairReader', [hub, claims, required({ service: dao.address })])
    await expect(reader.connect(user).ask(1, INPUT, { value: PRICE }))
      .to.be.revertedWithCustomError(reader, 'OtherService')
      .withArgs(1, service, dao.address)
  })
})
