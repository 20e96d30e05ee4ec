// SPDX-License-Identifier: GPL-3.0-or-later
// Drawn people, the network that the project keeps, and what it says of people whom training never saw.
import { expect } from 'chai'
import { BRIGHTEST, drawFace, FACE_PIXELS } from '../../../../keepers/apps/identity/faces.ts'
import { PEOPLE } from '../../../../keepers/apps/identity/model.ts'
import {
  embeddingOf,
  enrol,
  faceProgram,
  isNear,
  NEARNESS,
  nearness,
} from '../../../../keepers/apps/identity/network.ts'
import { faceScores, ratesAt } from '../../../../keepers/apps/identity/rates.ts'
import { CHOSEN_ON, faceModel, JUDGED } from '../../../../keepers/apps/identity/saved.ts'
import type { IntegerProgram } from '../../../../keepers/zkml/index.ts'

describe('drawn faces', function () {
  this.timeout(60_000)
  let program: IntegerProgram
  before(() => {
    program = faceProgram(faceModel())
  })

  it('are the same from the same numbers, and others from others', () => {
    const face = drawFace(1, 5, 3)
    expect(face).to.deep.equal(drawFace(1, 5, 3))
    expect(face.length).to.equal(FACE_PIXELS)
    expect(Math.max(...face)).to.be.at.most(BRIGHTEST)
    for (const other of [drawFace(2, 5, 3), drawFace(1, 6, 3), drawFace(1, 5, 4)]) expect(other).to.not.deep.equal(face)
    for (const bad of [-1, 0.5, 2 ** 32]) expect(() => drawFace(1, bad, 0)).to.throw(/whole number from 0/)
  })

  it('are told apart by the network that the project keeps, on people whom it never saw', () => {
    const scores = faceScores(program, { ...JUDGED, people: 25, shots: 2 })
    const { falseMatch, falseNonMatch } = ratesAt(scores, NEARNESS.numerator / NEARNESS.denominator)
    expect(scores.impostor.length).to.equal(25 * 24 * 2)
    expect(falseMatch).to.be.below(0.02)
    expect(falseNonMatch).to.be.below(0.4)
    expect(JUDGED.first, 'apart from those that the threshold was chosen on').to.be.at.least(
      CHOSEN_ON.first + CHOSEN_ON.people,
    )
    expect(CHOSEN_ON.first).to.be.at.least(PEOPLE.train)
  })

  it('agree in floats and in integers', () => {
    const face = enrol(program, [drawFace(1, 3000, 0)])
    const { numerator, denominator } = NEARNESS
    for (let shot = 1; shot < 20; shot++) {
      const embedding = embeddingOf(program, drawFace(1, shot % 2 === 0 ? 3000 : 3001, shot))
      expect(isNear(embedding, face)).to.equal(nearness(embedding, face) >= numerator / denominator)
    }
    expect(isNear([0, 0, 0], [1, 2, 3])).to.equal(false)
    expect(nearness([-1, 0], [1, 0])).to.equal(-1)
  })

  it('refuse what is not a picture', () => {
    expect(() => embeddingOf(program, new Uint8Array(255))).to.throw(/255 pixels, expected 256/)
    expect(() => embeddingOf(program, new Uint8Array(256).fill(64))).to.throw(/pixel 0 is 64/)
  })
})
