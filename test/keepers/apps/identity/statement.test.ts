// SPDX-License-Identifier: GPL-3.0-or-later
// What the circuit of identities refuses, whatever the prover writes into the witness; and each check that it takes for that.
import { expect } from 'chai'
import { countrySet } from '../../../../keepers/apps/identity/countries.ts'
import { documentKey, isIssued, nullifierOf, signCapture } from '../../../../keepers/apps/identity/credential.ts'
import { IntervalList } from '../../../../keepers/apps/identity/interval-list.ts'
import { embeddingOf, enrol, isNear } from '../../../../keepers/apps/identity/network.ts'
import { commitPicture } from '../../../../keepers/apps/identity/source.ts'
import { identityInputs, rawInputs } from '../../../../keepers/apps/identity/statement.ts'
import { CircuitError, eddsaPublicKey, type IntegerProgram } from '../../../../keepers/zkml/index.ts'
import { Circuit } from '../../../circuits/gadget.ts'
import {
  DEPTH,
  NEARNESS,
  type Person,
  PICTURES,
  person,
  QUESTION,
  SECRET,
  SEEDS,
  tinyProgram,
  tinySource,
} from './tiny.ts'

describe('the proof of identity', function () {
  this.timeout(300_000)
  let program: IntegerProgram
  let circuit: Circuit
  before(async () => {
    program = await tinyProgram()
    circuit = await Circuit.compile(tinySource(program), { name: 'tiny-identity' })
  })

  const honestly = (who: Person) => identityInputs({ program, ...who }, { nearness: NEARNESS })
  /** The best inputs that somebody can write who does not stop at the check: `beside` makes up the places in lists. */
  const forced = (who: Person, beside: Partial<Record<'document' | 'id', bigint>> = {}) => {
    const gaps = {
      sanctions: who.sanctions.gap(beside.document ?? who.credential.document),
      revocations: who.revocations.gap(beside.id ?? who.credential.id),
    }
    return rawInputs({ program, ...who }, gaps, nullifierOf(who.secret, who.question.application))
  }
  const accepted = (inputs: ReturnType<typeof rawInputs>, by = circuit): boolean => {
    try {
      return by.system.firstViolation(by.witness(inputs)) === null
    } catch (error) {
      expect(error).to.be.instanceOf(CircuitError)
      return false
    }
  }
  /** Refused by the prover's own check with a reason, and by the circuit without it. */
  const refuses = (who: Person, why: RegExp, inputs = forced(who)) => {
    expect(() => honestly(who)).to.throw(why)
    expect(accepted(inputs), String(why)).to.equal(false)
  }
  const ask = (changes: Parameters<typeof person>[2] = {}, question = QUESTION) => person(program, question, changes)

  it('exists for somebody who may pass, and shows eleven numbers', () => {
    const who = ask()
    const inputs = honestly(who)
    expect(accepted(inputs)).to.equal(true)
    expect(circuit.system.header.publicSignals).to.equal(11)
    expect(inputs).to.deep.equal(forced(who))
  })

  it('exists for exactly the pictures that the integers take for the same person', () => {
    const face = enrol(program, [PICTURES.enrolled])
    let near = 0
    for (let k = 0; k < 12; k++) {
      const picture = PICTURES.enrolled.map((pixel, i) =>
        Math.round((pixel * (11 - k) + PICTURES.stranger[i]! * k) / 11),
      )
      const expected = isNear(embeddingOf(program, picture), face, NEARNESS)
      near += Number(expected)
      expect(accepted(forced(ask({ picture }))), `${picture}`).to.equal(expected)
    }
    expect(near).to.be.within(2, 10)
  })

  it('does not exist for a stranger with a stolen wallet, credential and camera', () => {
    refuses(ask({ picture: PICTURES.stranger }), /not near the credential's face/)
  })

  it('does not exist for a picture in which the network sees nothing', () => {
    const who = ask()
    const dark = forced(who)
    expect(accepted({ ...dark, pixel: [0n, 0n, 0n, 0n] }), 'and that the camera did not sign').to.equal(false)
  })

  it('does not exist for a picture that the credential’s camera did not take', () => {
    refuses(ask({ camera: SEEDS.forger }), /another camera/)
    const commit = (pixels: ArrayLike<number>, salt: bigint) => commitPicture(program, pixels, salt)
    const taken = signCapture(SEEDS.camera, PICTURES.stranger, QUESTION.context, commit)
    // The camera's signature of another picture.
    refuses({ ...ask(), capture: { ...taken, pixels: [...PICTURES.now] } }, /did not sign this picture/)
  })

  it('does not exist for a picture that was taken for another account or at another time', () => {
    refuses(ask({ context: QUESTION.context + 1n }), /for another account, gate or block/)
  })

  it('would exist for a face that the holder invents, if the circuit did not check the camera', async () => {
    const signed = '    capture.message <== taken.out;'
    const source = tinySource(program)
    // The gadget, written into the source without the camera: the same statement otherwise.
    const { readFile } = await import('node:fs/promises')
    const gadget = await readFile('circuits/lib/identity.circom', 'utf8')
    const from = gadget.indexOf('    component capture = EddsaPoseidon();')
    const to = gadget.indexOf(signed) + signed.length
    expect([from > 0, to > from]).to.deep.equal([true, true])
    const open = gadget.slice(0, from) + gadget.slice(to)
    const lines = [...open.split('\n'), ...source.split('\n')]
    const isHead = (line: string) => line.startsWith('pragma') || line.startsWith('include')
    const head = new Set(lines.filter((line) => isHead(line) && line !== 'include "identity.circom";'))
    const undefended = [...head, ...lines.filter((line) => !isHead(line))].join('\n')
    const weak = await Circuit.compile(undefended, { name: 'tiny-identity-without-camera' })
    // The thief has wallet and credential, and writes the face of the credential as if a camera had seen it.
    const thief = ask({ camera: SEEDS.forger, picture: PICTURES.enrolled, context: 0n })
    expect(accepted(forced(thief)), 'with the check').to.equal(false)
    expect(accepted(forced(thief), weak), 'without it').to.equal(true)
  })

  it('does not exist for a credential that the issuer did not sign as it is', () => {
    const who = ask()
    const inputs = forced(who)
    const changed: Record<string, bigint | bigint[]> = {
      born: 1980_01_01n,
      country: 250n,
      expires: 2100_01_01n,
      document: 5n,
      id: 6n,
      faceSalt: 7n,
      face: [255n, 0n, 128n],
      camera: [...eddsaPublicKey(SEEDS.forger)],
    }
    for (const [name, value] of Object.entries(changed))
      expect(accepted({ ...inputs, [name]: value }), name).to.equal(false)
    const forged = ask({ issuer: SEEDS.forger })
    expect(accepted({ ...forced(forged), issuer: who.credential.issuer[1] }), 'another key’s').to.equal(false)
    expect(isIssued({ ...who.credential, country: 250 })).to.equal(false)
  })

  it('does not exist for somebody else’s credential, or under another nullifier', () => {
    refuses({ ...ask(), secret: SECRET + 1n }, /for another wallet/)
    const inputs = forced(ask())
    expect(accepted({ ...inputs, nullifier: 1n })).to.equal(false)
    expect(accepted({ ...inputs, application: QUESTION.application + 1n }), 'its own application').to.equal(false)
  })

  it('does not exist before the birthday, nor past the expiry, to the day', () => {
    expect(accepted(honestly(ask({ fields: { born: QUESTION.bornBy, expires: QUESTION.through } })))).to.equal(true)
    refuses(ask({ fields: { born: QUESTION.bornBy + 1 } }), /born 20081131/)
    refuses(ask({ fields: { expires: QUESTION.through - 1 } }), /expires 20261229/)
  })

  it('does not exist with dates that the two halves of their signal could be read as', () => {
    const who = ask({ fields: { born: 2010_01_01 } })
    const inputs = forced(who)
    // The same sum from a later day and a negative expiry: 27 bits each leave one way to read it.
    const { dates } = inputs as { dates: bigint }
    const witness = circuit.witness(forced(ask()))
    const probe = circuit.system.probe(witness)
    const bornBy = circuit.value(witness, 'identity.bornBy')
    const through = circuit.value(witness, 'identity.through')
    expect(dates).to.equal((bornBy << 32n) + through)
    const moved = { 'identity.bornBy': bornBy + 1n, 'identity.through': through - (1n << 32n) }
    circuit.expectRefused(probe, moved, 'a later day and a negative expiry')
  })

  it('does not exist for a country outside the set', () => {
    refuses(ask({ fields: { country: 408 } }), /country 408/)
    refuses(ask({}, { ...QUESTION, countries: countrySet([250]) }), /country 276/)
  })

  it('does not exist for a document on the list, or a credential that was revoked', () => {
    const sanctions = new IntervalList(DEPTH)
    const document = documentKey(276, 'C01X00T47')
    sanctions.add(document)
    sanctions.add(document + 5n)
    const listed = ask({ sanctions })
    refuses(listed, /document is on the list of sanctions/, forced(listed, { document: document + 1n }))
    const who = ask()
    const revocations = new IntervalList(DEPTH)
    revocations.add(who.credential.id)
    const revoked = { ...who, revocations }
    refuses(revoked, /credential is on the list of revocations/, forced(revoked, { id: who.credential.id + 1n }))
  })

  it('leaves open what inequalities and signatures fix, and nothing else', () => {
    const open = ['credential.signature', 'capture'].flatMap((name) =>
      [253, 252].map((bit) => `identity.${name}.challenge.bit[${bit}]`),
    )
    const digits = Array.from({ length: 250 }, (_, i) => `identity.allowed.where.bit[${i}]`)
    const which = [0, 1, 2].map((w) => `identity.allowed.which.bit[${w}]`)
    const known = ['identity.allowed.quotient', ...which, ...digits, 'identity.bornBy', 'identity.through']
    expect(circuit.open(...open, ...known)).to.deep.equal([])
  })
})
