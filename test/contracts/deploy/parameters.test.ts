// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ForeignJournalError, openJournal } from '../../../deploy/chain-state.ts'
import { readParameters } from '../../../deploy/parameters.ts'
import { readDeployment } from '../../../keepers/chain/index.ts'
import { exampleManifest, manifestDigest } from '../../../keepers/versions/index.ts'

const GENESIS = `0x${'ab'.repeat(32)}`

/** Terms of a draw that a service may have. */
const DRAW = { bondTokens: '5', absencePenaltyTokens: '1', minCandidates: 4, patienceSeconds: 1 }

describe('deployment files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-parameters-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const failure = async (promise: Promise<unknown>) =>
    await promise.then(
      () => {
        throw new Error('expected a rejection')
      },
      (error: Error & { exitCode?: number }) => error,
    )

  describe('of parameters', () => {
    it('that are shipped can be used', async () => {
      const files = await readdir('deploy/parameters')
      expect(files).to.include.members(['arbitrum.json', 'localhost.json', 'op-stack.json', 'sepolia.json'])
      for (const file of files) {
        const parameters = await readParameters(join('deploy/parameters', file))
        // A keeper that joins has this manifest already.
        expect(parameters.service?.manifest).to.equal(manifestDigest(exampleManifest('small-cnn')))
        expect(parameters.service?.bondTokens, file).to.be.a('bigint')
      }
    })

    const spoilt: [what: string, spoil: (json: any) => void, expected: RegExp][] = [
      ['an unknown key', (json) => (json.tokens = {}), /Unrecognized key.*tokens/i],
      ['a missing part', (json) => delete json.governor, /governor/],
      ['an amount that is no decimal', (json) => (json.keepers.minStakeTokens = '1e3'), /keepers\.minStakeTokens/],
      ['an amount that is a number', (json) => (json.keepers.minStakeTokens = 5), /keepers\.minStakeTokens/],
      ['a holder that is no address', (json) => (json.token.holders[0].account = '0x12'), /token\.holders\.0\.account/],
      ['no holder at all', (json) => (json.token.holders = []), /token\.holders/],
      ['a negative delay', (json) => (json.timelock.delaySeconds = -1), /timelock\.delaySeconds/],
      ['half a second', (json) => (json.timelock.delaySeconds = 0.5), /timelock\.delaySeconds/],
      [
        'an extension beyond the vote',
        (json) => (json.governor.voteExtensionSeconds = json.governor.votingPeriodSeconds + 1),
        /governor\.voteExtensionSeconds: at most votingPeriodSeconds/,
      ],
      [
        'a fallback delay shorter than a vote',
        (json) => (json.markets.fallbackDelaySeconds = 79),
        /markets\.fallbackDelaySeconds: 79 is less than the 80 s that a vote takes/,
      ],
      [
        'more keepers at least than at most',
        (json) => (json.service.minKeepers = json.service.maxKeepers + 1),
        /service\.minKeepers: at most maxKeepers/,
      ],
      ['a name too long', (json) => (json.service.name = 'é'.repeat(33)), /service\.name: between 1 and 64 bytes/],
      ['a manifest that is no digest', (json) => (json.service.manifest = '0x12'), /service\.manifest: the SHA-256/],
      [
        'a draw for seats that last',
        (json) => (json.service.sortition = DRAW),
        /service\.oneEpochSeats: true where members are drawn/,
      ],
      [
        'a draw beside another admission contract',
        (json) =>
          Object.assign(json.service, { sortition: DRAW, oneEpochSeats: true, admission: `0x${'12'.repeat(20)}` }),
        /service\.admission: leave it out/,
      ],
      [
        'a draw with no time to settle it',
        (json) =>
          Object.assign(json.service, { sortition: { ...DRAW, patienceSeconds: 31_536_000 }, oneEpochSeats: true }),
        /service\.sortition\.patienceSeconds: at most half of registrationWindow/,
      ],
      [
        'a penalty for absence beyond the bond',
        (json) =>
          Object.assign(json.service, { sortition: { ...DRAW, absencePenaltyTokens: '6' }, oneEpochSeats: true }),
        /service\.sortition\.absencePenaltyTokens: at most bondTokens/,
      ],
      [
        'an epoch so short that no silence in it costs a seat',
        (json) => {
          const buffered = { buffer: 4, maxStaleness: 2, maxStrikes: 3, oneEpochSeats: true }
          Object.assign(json.service, { ...buffered, decryptionsPerEpoch: 4 })
        },
        /service\.decryptionsPerEpoch: at least 5 with a buffer and oneEpochSeats/,
      ],
      ['an unknown strategy', (json) => (json.service.strategy = 'best'), /service\.strategy/],
    ]
    for (const [what, spoil, expected] of spoilt) {
      it(`with ${what} are refused by the field's name`, async () => {
        const json = JSON.parse(await readFile('deploy/parameters/localhost.json', 'utf8'))
        spoil(json)
        const file = join(folder, 'spoilt.json')
        await writeFile(file, JSON.stringify(json))
        const error = await failure(readParameters(file))
        expect(error.message).to.match(expected)
        expect(error.exitCode).to.equal(65)
      })
    }

    it('that are missing or no JSON are refused with the fix', async () => {
      const missing = await failure(readParameters(join(folder, 'none.json')))
      expect(missing.message).to.match(/none\.json.*--parameters/)
      expect(missing.exitCode).to.equal(66)
      await writeFile(join(folder, 'broken.json'), '{')
      expect((await failure(readParameters(join(folder, 'broken.json')))).message).to.match(/is not JSON/)
    })
  })

  describe('of addresses', () => {
    it('that are missing or malformed are refused with the field', async () => {
      const missing = await failure(readDeployment(join(folder, 'none.json')))
      expect(missing.message).to.match(/npx hardhat deploy/)
      expect(missing.exitCode).to.equal(66)
      const file = join(folder, 'addresses.json')
      await writeFile(file, JSON.stringify({ network: 'x', chainId: 1, fromBlock: 0, contracts: {}, services: [] }))
      const error = await failure(readDeployment(file))
      expect(error.message).to.match(/contracts\.CohortToken/)
      expect(error.exitCode).to.equal(65)
      await writeFile(file, 'no')
      expect((await failure(readDeployment(file))).message).to.match(/is not a deployment file/)
    })
  })

  describe('of a journal', () => {
    const chain = { chainId: 31337, genesis: GENESIS, fromBlock: 7 }
    const there = async () => true
    const gone = async () => false

    it('remember where the deployment began', async () => {
      const state = join(folder, 'state')
      expect(await openJournal(state, chain, there)).to.deep.equal(chain)
      await writeFile(join(state, 'journal.jsonl'), 'kept')
      expect(await openJournal(state, { ...chain, fromBlock: 99 }, there)).to.deep.equal(chain)
      expect(await readFile(join(state, 'journal.jsonl'), 'utf8')).to.equal('kept')
    })

    it('of a development chain that is gone are cleared', async () => {
      const state = join(folder, 'state')
      await openJournal(state, chain, there)
      await writeFile(join(state, 'journal.jsonl'), 'old')
      const today = { ...chain, genesis: `0x${'cd'.repeat(32)}` }
      expect(await openJournal(state, today, there)).to.deep.equal(today)
      expect(await readdir(state)).to.deep.equal(['chain.json'])
    })

    it('without contracts belong to a chain that is gone, even if the genesis is the same', async () => {
      const state = join(folder, 'state')
      await openJournal(state, chain, there)
      await writeFile(join(state, 'deployed_addresses.json'), JSON.stringify({ 'A#B': `0x${'11'.repeat(20)}` }))
      expect(await openJournal(state, { ...chain, fromBlock: 8 }, there)).to.deep.equal(chain)
      expect((await openJournal(state, { ...chain, fromBlock: 8 }, gone)).fromBlock).to.equal(8)
      expect(await readdir(state)).to.deep.equal(['chain.json'])
    })

    it('of a public chain are never taken for another one’s, nor cleared', async () => {
      const state = join(folder, 'state')
      const sepolia = { chainId: 11155111, genesis: GENESIS, fromBlock: 1 }
      await openJournal(state, sepolia, there)
      await writeFile(join(state, 'journal.jsonl'), 'precious')
      for (const other of [chain, { ...sepolia, genesis: `0x${'cd'.repeat(32)}` }]) {
        const error = await failure(openJournal(state, other, there))
        expect(error).to.be.instanceOf(ForeignJournalError)
        expect(error.message).to.match(/belongs to chain 11155111.*--state/)
      }
      expect(await readFile(join(state, 'journal.jsonl'), 'utf8')).to.equal('precious')
    })

    it('that nothing marks, but that hold something, are left alone', async () => {
      const state = join(folder, 'state')
      await openJournal(state, chain, there)
      await rm(join(state, 'chain.json'))
      await writeFile(join(state, 'journal.jsonl'), 'whose?')
      const error = await failure(openJournal(state, chain, there))
      expect(error).to.be.instanceOf(ForeignJournalError)
      expect(await readFile(join(state, 'journal.jsonl'), 'utf8')).to.equal('whose?')
    })
  })
})
