// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { trainerCommandOf } from '../../../keepers/agent/data-config.ts'
import {
  AgentError,
  initKeeper,
  KEEPER_EXIT,
  loadConfig,
  parseConfig as parseConfigFile,
} from '../../../keepers/agent/index.ts'
import { openKeystore } from '../../../keepers/chain/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { exampleManifest, type ServiceManifest } from '../../../keepers/versions/index.ts'

const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')

/** The example with another source of data. */
const withSource = (data: string): string => example.replace('source: digits ', `${data} `)
const DIGITS = exampleManifest('small-cnn')
const GARMENTS = exampleManifest('small-cnn', { classes: ['shirt', 'coat', 'bag', 'boot'] })
const TABLE = exampleManifest('logistic', {
  input: { kind: 'table', shape: [2], features: ['a', 'b'], label: 'kind', delimiter: ',' },
  classes: ['no', 'yes'],
})
const parseConfig = (text: string, folder: string, manifest: ServiceManifest = DIGITS) =>
  parseConfigFile(text, folder, manifest)

function refusal(body: () => unknown): AgentError {
  try {
    body()
  } catch (error) {
    if (error instanceof AgentError) return error
    throw error
  }
  throw new Error('expected an AgentError')
}

describe('keeper config', () => {
  it('accepts the commented example, with paths made relative to its folder', () => {
    const config = parseConfig(example, '/srv/keeper')
    expect(config.keys.operator).to.equal('/srv/keeper/operator.json')
    expect(config.service.manifestFile).to.equal('/srv/keeper/manifest.json')
    expect(config.service.manifest).to.equal(DIGITS)
  })

  it('takes the layer groups that the manifest has, and no others', () => {
    const layerGroups = [
      { name: 'convolutions', layers: ['conv1', 'conv2'] },
      { name: 'head', layers: ['dense'] },
    ]
    const grouped = exampleManifest('small-cnn', { rounds: { layerGroups } })
    const some = (names: string) => example.replace('# layerGroups: [head]', `layerGroups: [${names}]`)
    expect(parseConfig(some('head'), '/x', grouped).training.layerGroups).to.deep.equal(['head'])
    expect(refusal(() => parseConfig(some('tail'), '/x', grouped)).message).to.match(
      /training\.layerGroups: tail is none of the manifest's: convolutions, head/,
    )
    expect(refusal(() => parseConfig(some('head'), '/x')).message).to.match(/manifest has no layer groups/)
  })

  it('names the key that is misspelt', () => {
    const error = refusal(() => parseConfig(example.replace('pollSeconds', 'polSeconds'), '/x'))
    expect(error.code).to.equal('CONFIG')
    expect(error.exitCode).to.equal(KEEPER_EXIT.config)
    expect(error.message).to.contain('"chain.polSeconds"')
    expect(error.message).not.to.contain('\n')
  })

  it('names the value that is wrong, and what it takes', () => {
    const wrong: [string, string, RegExp][] = [
      ['id: 31337', 'id: zero', /chain\.id/],
      ['- http://127.0.0.1:8545', '- ftp://127.0.0.1', /chain\.rpc\.0.*http/],
      ['"0x0000000000000000000000000000000000000001"', '"0x01"', /service\.address.*40 hex/],
      ['[/ip4/127.0.0.1/tcp/4001]', '[127.0.0.1:4001]', /network\.listen\.0.*multiaddr/],
      ['[/ip4/127.0.0.1/tcp/4001]', '[/ip4/0.0.0.0/udp/4003/webrtc-direct]', /network\.listen.*TCP address first/],
      ['pollSeconds: 2', 'heads: https://one.example', /chain\.heads.*wss:/],
      [
        'shard: { kind: all }',
        'shard: { kind: dirichlet, alpha: 1, parts: 2, index: 2 }',
        /index 2 must be below parts 2/,
      ],
      ['manifest: manifest.json', 'profile: { model: mlp }', /unknown key "service\.profile"/],
    ]
    for (const [from, to, message] of wrong) {
      expect(example).to.contain(from)
      expect(refusal(() => parseConfig(example.replace(from, to), '/x')).message).to.match(message)
    }
    expect(refusal(() => parseConfig('a: [', '/x')).message).to.match(/keeper\.yaml/)
  })

  it('takes a number of training workers that can share a batch, and refuses any other', () => {
    const withWorkers = (lines: string): string => example.replace(/ {2}workers: 1 .*\n/, `${lines}\n`)
    expect(parseConfig(example, '/x').training.workers).to.equal(1)
    expect(parseConfig(withWorkers(''), '/x').training.workers).to.equal(1)
    expect(parseConfig(withWorkers('  workers: 4'), '/x').training.workers).to.equal(4)
    for (const [lines, message] of [
      ['  workers: 0', /training\.workers/],
      ['  workers: 65', /training\.workers/],
      ['  workers: many', /training\.workers/],
      [
        '  workers: 33',
        /training\.workers 33 cannot share batches of 32: give at most 32, or a larger training\.batchSize/,
      ],
      ['  workers: 2\n  command: [x]', /training\.workers 2 is about the keeper's own trainer/],
    ] as const) {
      expect(refusal(() => parseConfig(withWorkers(lines), '/x')).message).to.match(message)
    }
  })

  describe('of a trainer that is a program', () => {
    const withTraining = (lines: string): string => example.replace('  proximalMu: 0\n', `$&${lines}\n`)

    it('runs where the config is, with no network, unless told', () => {
      const config = parseConfig(withTraining('  command: [python3, train.py]'), '/srv/keeper')
      expect(trainerCommandOf(config)).to.deep.equal({
        ...{ command: ['python3', 'train.py'], environment: {}, folder: '/srv/keeper' },
        limits: { seconds: 600, network: 'none', processes: 'own' },
      })
      expect(trainerCommandOf(parseConfig(example, '/srv/keeper'))).to.equal(null)
    })

    it('refuses what makes no sense, by key', () => {
      const wrong: [string, RegExp][] = [
        ['  command: python3 train.py', /training\.command.*array/],
        ['  command: []', /training\.command/],
        ['  limits: { seconds: 5 }', /training\.limits applies only to a program: add training\.command/],
        ['  environment: { A: b }', /training\.environment applies only to a program: add training\.command/],
        ['  command: [x]\n  limits: { network: some }', /training\.limits\.network/],
        ['  command: [x]\n  limits: { memoryMiB: 1 }', /training\.limits\.memoryMiB/],
        ['  command: [x]\n  environment: { "A B": c }', /training\.environment/],
      ]
      for (const [lines, message] of wrong) {
        expect(refusal(() => parseConfig(withTraining(lines), '/x')).message).to.match(message)
      }
    })
  })

  describe('of relays', () => {
    const withNat = (nat: string): string => example.replace('  fetchSeconds: 60 ', `  nat: ${nat}\n$&`)
    const id = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

    it('takes relays, and peers to relay for', () => {
      expect(parseConfig(example, '/x').network.nat).to.equal(undefined)
      const relay = `/ip4/203.0.113.7/tcp/4001/p2p/${id}`
      expect(parseConfig(withNat(`{ relays: [${relay}] }`), '/x').network.nat).to.deep.equal({
        relays: [relay],
        serve: [],
        autonat: false,
      })
      expect(parseConfig(withNat(`{ serve: [${id}], autonat: true }`), '/x').network.nat).to.deep.equal({
        relays: [],
        serve: [id],
        autonat: true,
      })
    })

    it('names what is neither', () => {
      const wrong: [string, RegExp][] = [
        ['{ relays: [/ip4/203.0.113.7/tcp/4001] }', /network\.nat\.relays\.0: .*does not say who answers there/],
        [`{ relays: [/ip4/1.2.3.4/tcp/1/p2p/${id}/p2p-circuit] }`, /network\.nat\.relays\.0: /],
        ['{ serve: [everybody] }', /network\.nat\.serve\.0: takes a peer id/],
        ['{ server: true }', /server/],
        ['{ autonat: 1 }', /network\.nat\.autonat/],
      ]
      for (const [nat, message] of wrong)
        expect(refusal(() => parseConfig(withNat(nat), '/x')).message).to.match(message)
    })
  })

  describe('of pinning services', () => {
    const withPinning = (url: string, more = ''): string =>
      `${example}\nipfs:\n  pinning:\n    - { url: "${url}", tokenFile: pins.token${more} }\n`

    it('are none unless given, and have their token in the folder', () => {
      expect(parseConfig(example, '/x').ipfs.pinning).to.deep.equal([])
      const commented = example.replace(/^# (ipfs:| {2} {0,4}(pinning:|- url:| {2}tokenFile:))/gm, '$1')
      for (const text of [withPinning('https://pins.example.org/psa'), commented]) {
        const pinning = [{ url: 'https://pins.example.org/psa', tokenFile: '/x/pins.token' }]
        expect(parseConfig(text, '/x').ipfs.pinning).to.deep.equal(pinning)
      }
      parseConfig(withPinning('http://127.0.0.1:5001/psa'), '/x')
    })

    it('get no token in the clear, no query, and nothing unknown', () => {
      const wrong: [string, RegExp][] = [
        [withPinning('http://pins.example.org'), /ipfs\.pinning\.0\.url: takes https:\/\/: anybody on the way/],
        [withPinning('http://127.0.0.1.example.org'), /ipfs\.pinning\.0\.url: takes https/],
        [withPinning('https://pins.example.org/?a=b'), /ipfs\.pinning\.0\.url: takes a URL without a query/],
        [withPinning('pins.example.org'), /ipfs\.pinning\.0\.url: takes an http/],
        [withPinning('https://pins.example.org', ', token: abc'), /token/],
      ]
      for (const [text, message] of wrong) {
        expect(refusal(() => parseConfig(text, '/x')).message).to.match(message)
      }
    })
  })

  describe('of a DHT', () => {
    const withDht = (dht: string, announce = '[]'): string =>
      example.replace('announce: [] ', `announce: ${announce} `).replace('  fetchSeconds: 60 ', `  dht: ${dht}\n$&`)
    const peer = '/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

    it('is off unless given', () => {
      expect(parseConfig(example, '/x').network.dht).to.equal(undefined)
    })

    it('takes a private one, the public one, and what the example says', () => {
      expect(parseConfig(withDht(`{ bootstrap: [${peer}], prefix: /my-service }`), '/x').network.dht).to.deep.equal({
        mode: 'client',
        bootstrap: [peer],
        prefix: '/my-service',
        announceHours: 12,
      })
      const address = '[/ip4/203.0.113.9/tcp/4001]'
      expect(parseConfig(withDht('{ bootstrap: [public] }', address), '/x').network.dht?.bootstrap).to.include('public')
      parseConfig(withDht('{ mode: server, bootstrap: [], prefix: /first }'), '/x')
      const commented = example.replace(/^ {2}# (dht:| {2}(mode|bootstrap|announceHours):)/gm, '  $1')
      expect(parseConfig(commented.replace('announce: [] ', `announce: ${address} `), '/x').network.dht).to.deep.equal({
        mode: 'client',
        bootstrap: ['public'],
        announceHours: 12,
      })
    })

    it('is refused in one line that names the field, the value and the fix', () => {
      const at = (text: string): string => `{ bootstrap: [public, "${text}"] }`
      const id = peer.split('/').at(-1)!
      const wrong: [string, RegExp][] = [
        [at('203.0.113.7:4001'), /network\.dht\.bootstrap\.1: "203\.0\.113\.7:4001" is not a multiaddr: give \/ip4\//],
        [at('/ip4/300.0.113.7/tcp/4001'), /bootstrap\.1: "\/ip4\/300.* is not a multiaddr: give/],
        [at('/ip4/203.0.113.7/tcp/4001'), /bootstrap\.1: "\/ip4\/203.* does not say who answers there: give/],
        [at('/ip4/203.0.113.7/tcp/4001/p2p/me'), /bootstrap\.1: .*"me", which is not a peer id: give/],
        [at(`/ip4/203.0.113.7/udp/4001/quic-v1/p2p/${id}`), /bootstrap\.1: .* is not a plain TCP address: give/],
        ['{ bootstrap: public }', /network\.dht\.bootstrap: .*array/],
        ['{ bootstrap: [public], mode: both }', /network\.dht\.mode.*client.*server/],
        [`{ bootstrap: [${peer}], prefix: my service }`, /network\.dht\.prefix: takes a path such as/],
        [`{ bootstrap: [${peer}], prefix: /ipfs }`, /network\.dht\.prefix: \/ipfs is the public DHT/],
        ['{ bootstrap: [public], announceHours: 48 }', /network\.dht\.announceHours.*24/],
        ['{ bootstrap: [public], hours: 1 }', /"network\.dht\.hours"/],
        ['{ bootstrap: [] }', /network\.dht\.bootstrap: \[\] leaves nobody to ask: give public/],
        ['{ bootstrap: [], prefix: /a }', /network\.dht\.bootstrap: \[\] leaves nobody/],
        ['{ bootstrap: [public], prefix: /a }', /network\.dht\.bootstrap: public nodes do not speak \/a/],
        ['{ bootstrap: [public] }', /network\.announce: \[\] with the public DHT: give the address/],
      ]
      for (const [dht, message] of wrong) {
        const error = refusal(() => parseConfig(withDht(dht), '/x'))
        expect(error.code).to.equal('CONFIG')
        expect(error.message).to.match(message)
        expect(error.message).not.to.contain('\n')
      }
    })
  })

  it('accepts a source of the keeper`s own, with its path made relative to the folder', () => {
    const config = parseConfig(withSource('source: csv\n  path: mine.csv'), '/srv/keeper', TABLE)
    expect(config.data.path).to.equal('/srv/keeper/mine.csv')
    expect(parseConfig(withSource('source: images\n  path: /x'), '/').data.source).to.equal('images')
  })

  it('says which keys of a source do not fit together, or not the manifest', () => {
    const wrong: [string, ServiceManifest, RegExp][] = [
      ['source: idx', DIGITS, /data\.path: source idx needs a path/],
      ['source: idx\n  path: x\n  test: y', DIGITS, /data\.test: source idx/],
      [
        'source: csv\n  path: x',
        DIGITS,
        /data\.source: csv gives a table, .* manifest takes a picture: use idx or images/,
      ],
      ['source: digits', TABLE, /data\.source: digits gives a picture, .* manifest takes a table: use csv/],
      ['source: parquet\n  path: x', TABLE, /data\.source/],
      ['source: digits', GARMENTS, /digits are of the classes 0 to 9, .* others \(shirt, coat, bag, …\): use idx/],
    ]
    for (const [data, manifest, message] of wrong) {
      expect(refusal(() => parseConfig(withSource(data), '/x', manifest)).message).to.match(message)
    }
    const reporting = withSource('source: csv\n  path: x').replace('reportTest: false', 'reportTest: true')
    expect(refusal(() => parseConfig(reporting, '/x', TABLE)).message).to.match(/data\.test: reportTest needs/)
  })

  it('says which manifest it cannot read', () => {
    const error = refusal(() => parseConfigFile(example, '/nonexistent'))
    expect([error.code, error.exitCode]).to.deep.equal(['CONFIG', KEEPER_EXIT.config])
    expect(error.message).to.match(/service\.manifest: cannot read the manifest \/nonexistent\/manifest\.json/)
  })

  it('takes no draft for final too early on a chain that can reorganise', () => {
    const on = (id: number, confirmations?: number) =>
      parseConfig(
        example
          .replace('id: 31337', `id: ${id}`)
          .replace('# confirmations: 3 ', confirmations === undefined ? '# ' : `confirmations: ${confirmations} #`),
        '/x',
      ).chain.confirmations
    expect([on(31_337), on(1_337), on(11_155_111), on(1)]).to.deep.equal([1, 1, 3, 3])
    expect([on(31_337, 1), on(1, 3), on(1, 64)]).to.deep.equal([1, 3, 64])
    for (const few of [1, 2]) {
      const { message } = refusal(() => on(11_155_111, few))
      expect(message).to.match(new RegExp(`chain\\.confirmations: ${few} is too few on chain 11155111.*set 3 or more`))
    }
  })

  it('says what to run when there is no config', () => {
    expect(refusal(() => loadConfig('/nonexistent')).message).to.contain('cohort keeper init')
  })
})

describe('data folder of a keeper', () => {
  let folder: string
  const passphrase = 'a passphrase'
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-keys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('makes a folder whose config has the values given and the example`s comments', async () => {
    const values = {
      'chain.id': 5,
      'chain.rpc': ['http://localhost:1'],
      'service.address': '0x5FbDB2315678afecb367f032d93F642f64180aa3',
      'training.epochs': 7,
    }
    const { operator, configFile } = await initKeeper({ folder, passphrase, values, manifest: DIGITS, scryptLog2N: 10 })
    const config = loadConfig(folder)
    expect(config.chain.id).to.equal(5)
    expect(config.training.epochs).to.equal(7)
    expect(config.service.manifest).to.deep.equal(DIGITS)
    expect(readFileSync(configFile, 'utf8')).to.contain('# EIP-155 chain id')
    expect((await openKeystore(config.keys.operator, passphrase)).address).to.equal(operator)
    const binding = { chainId: 5n, service: config.service.address, operator }
    const store = KeeperStore.open({ folder, passphrase, binding })
    expect(store.getSecret('keeper/peer identity')).to.have.length(32)
    store.close()
    const again = await initKeeper({ folder, passphrase, values, manifest: DIGITS, scryptLog2N: 10 }).catch(
      (error: Error) => error,
    )
    expect((again as Error).message).to.contain('is a keeper already')
  })

  it('writes nothing when a value is wrong', async () => {
    const target = join(folder, 'new')
    const values = { 'chain.idd': 5 }
    const error = await initKeeper({ folder: target, passphrase, values, manifest: DIGITS, scryptLog2N: 10 }).catch(
      (caught) => caught,
    )
    expect((error as AgentError).message).to.contain('chain.idd')
    expect(readdirSync(folder)).to.deep.equal([])
  })
})
