// SPDX-License-Identifier: GPL-3.0-or-later
// The network of faces that the project keeps is the one that its training makes: some 40 seconds of processor time.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { savedFaceModel, trainFaceModel } from '../../keepers/apps/identity/index.ts'

const FILE = new URL('../../keepers/apps/identity/faces.json', import.meta.url)

describe('the network of faces', function () {
  this.timeout(600_000)

  it('is made again to the last bit by its seed', async () => {
    expect(savedFaceModel(await trainFaceModel({ seed: 1 }), 1)).to.equal(readFileSync(FILE, 'utf8'))
  })
})
