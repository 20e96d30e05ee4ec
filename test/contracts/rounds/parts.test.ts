// SPDX-License-Identifier: GPL-3.0-or-later
// The three parts of a service: one storage, every function of the interface in exactly one part.

import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type FunctionFragment, Interface, type ParamType, ZeroAddress } from 'ethers'
import { artifacts } from 'hardhat'
import { runSolc } from '../../../scripts/solc.ts'
import { createWorld } from './fixture.ts'

const ROOT = new URL('../../../', import.meta.url)
const ROUNDS = 'contracts/rounds/'
const PARTS = ['LearningService', 'ServiceRegistration', 'ServiceClock'] as const

/** The interfaces that each part's code implements; the first part hands on calls of the others' functions. */
const CODE_OF = {
  LearningService: ['ILearningServiceRounds', 'ILearningServiceRelay', 'ILearningServiceViews'],
  ServiceRegistration: ['ILearningServiceRegistration', 'ILearningServiceKeys'],
  ServiceClock: ['ILearningServiceClock'],
} as const

/** The file that may write each structure of the storage. */
const OWNERS: Readonly<Record<string, string>> = {
  SeatBook: 'SeatBook.sol',
  Chair: 'SeatBook.sol',
  KeyState: 'KeyState.sol',
  RoundState: 'RoundState.sol',
  Seal: 'RoundState.sol',
  RecordSlot: 'RoundState.sol',
  Standing: 'Standing.sol',
  Tally: 'Standing.sol',
  'Ballots.Ballot': 'Ballots.sol',
  'Ballots.Entry': 'Ballots.sol',
}

type Variable = { readonly label: string; readonly slot: string; readonly offset: number; readonly type: string }
type Types = Readonly<
  Record<string, { readonly members?: readonly Variable[]; readonly base?: string; readonly value?: string }>
>
type AstNode = {
  readonly nodeType: string
  readonly leftHandSide?: AstNode
  readonly subExpression?: AstNode
  readonly expression?: AstNode
  readonly baseExpression?: AstNode
  readonly components?: readonly (AstNode | null)[]
  readonly operator?: string
  readonly memberName?: string
  readonly typeDescriptions?: { readonly typeString?: string }
}
type Write = { readonly structure: string; readonly file: string }

/** The compiler's output about the service: the place of every variable of each part, and the syntax tree of each file. */
function compiled() {
  const read = (path: string): string => {
    const url = ['', 'node_modules/'].map((folder) => new URL(folder + path, ROOT)).find((each) => existsSync(each))
    if (url === undefined) throw new Error(`no ${path}`)
    return readFileSync(url, 'utf8')
  }
  const file = `${ROUNDS}LearningService.sol`
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: read(file) } },
    settings: { evmVersion: 'cancun', outputSelection: { '*': { '*': ['storageLayout'], '': ['ast'] } } },
  }
  return runSolc<{
    contracts: Record<string, Record<string, { storageLayout: { storage: Variable[]; types: Types } }>>
    sources: Record<string, { ast: AstNode }>
  }>(input, read)
}

/** Every variable of each part, with the members of structures one by one. Types are named without the numbers of their declarations. */
function layoutsOf({ contracts }: ReturnType<typeof compiled>): Record<string, Variable[]> {
  return Object.fromEntries(
    PARTS.map((name) => {
      const { storage, types } = contracts[`${ROUNDS}${name}.sol`]![name]!.storageLayout
      return [name, storage.flatMap((variable) => expanded(variable, types))]
    }),
  )
}

function expanded(variable: Variable, types: Types, within = '', above = 0n): Variable[] {
  const label = within + variable.label
  const slot = above + BigInt(variable.slot)
  const own = {
    label,
    slot: String(slot),
    offset: variable.offset,
    type: variable.type.replaceAll(/\)\d+/g, ')'),
  }
  // The type of the entries of a list or a mapping.
  let type = types[variable.type]!
  let inside = `${label}.`
  while (type.members === undefined && (type.value ?? type.base) !== undefined) {
    type = types[(type.value ?? type.base)!]!
    inside = `${label}[].`
  }
  return [own, ...(type.members ?? []).flatMap((member) => expanded(member, types, inside, slot))]
}

/** Which structures of the storage each file of the rounds writes to. */
function writesIn({ sources }: ReturnType<typeof compiled>): Write[] {
  const found: Write[] = []
  for (const [path, { ast }] of Object.entries(sources)) {
    if (!path.startsWith(ROUNDS)) continue
    for (const node of nodesOf(ast)) {
      for (const structure of writtenBy(node)) found.push({ structure, file: path.slice(ROUNDS.length) })
    }
  }
  return found
}

function nodesOf(value: unknown): AstNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf)
  if (typeof value !== 'object' || value === null) return []
  const within = Object.values(value).flatMap(nodesOf)
  return 'nodeType' in value ? [value as AstNode, ...within] : within
}

/** Structures in storage to a part of which the node assigns, whatever lists and mappings are in between. */
function writtenBy(node: AstNode): string[] {
  const { nodeType, operator = '', leftHandSide, subExpression, expression } = node
  if (nodeType === 'Assignment') return structuresIn(leftHandSide)
  if (nodeType === 'UnaryOperation' && ['++', '--', 'delete'].includes(operator)) return structuresIn(subExpression)
  const grows = expression?.nodeType === 'MemberAccess' && ['push', 'pop'].includes(expression.memberName ?? '')
  return nodeType === 'FunctionCall' && grows ? structuresIn(expression.expression) : []
}

function structuresIn(target: AstNode | null | undefined): string[] {
  if (target === null || target === undefined) return []
  if (target.nodeType === 'TupleExpression') return (target.components ?? []).flatMap(structuresIn)
  const below = target.expression ?? target.baseExpression
  const [, structure] = /^struct (\S+) storage (?:ref|pointer)$/.exec(below?.typeDescriptions?.typeString ?? '') ?? []
  return [...(structure === undefined ? [] : [structure]), ...structuresIn(below)]
}

/** Throws unless each structure is written in its own file alone. A file may write a structure only through another's functions. */
function expectOwned(writes: readonly Write[]): void {
  for (const { structure, file } of writes) {
    expect(OWNERS[structure], `the owner of ${structure}, which ${file} writes`).to.equal(file)
  }
}

async function functionsOf(name: string): Promise<FunctionFragment[]> {
  const { abi } = await artifacts.readArtifact(name)
  return new Interface(abi).fragments.filter((fragment): fragment is FunctionFragment => fragment.type === 'function')
}

async function selectorsOf(name: string): Promise<Set<string>> {
  return new Set((await functionsOf(name)).map(({ selector }) => selector))
}

/** Throws unless all parts begin with the variables of the clock's part, slot by slot, and the larger two end with the same roles. */
function expectOneStorage(found: Record<string, Variable[]>): void {
  const shared = found.ServiceClock!
  expect(shared.length).to.be.greaterThan(40)
  for (const name of ['LearningService', 'ServiceRegistration']) {
    const own = found[name]!
    expect(own.slice(0, shared.length), name).to.deep.equal(shared)
    expect(
      own.slice(shared.length).map(({ label }) => label),
      name,
    ).to.deep.equal(['_roles', '_roles[].hasRole', '_roles[].adminRole'])
  }
  expect(found.LearningService!.at(-1)).to.deep.equal(found.ServiceRegistration!.at(-1))
}

/** Throws unless every selector of the interface is in exactly one part, and no other is in any. */
function expectPartition(all: ReadonlySet<string>, owned: Readonly<Record<string, ReadonlySet<string>>>): void {
  const selectors = Object.values(owned).flatMap((own) => [...own])
  expect(selectors.sort()).to.deep.equal([...all].sort())
}

describe('the parts of a service', () => {
  it('have the same storage, and only AccessControl’s roles after it', function () {
    this.timeout(120_000)
    const found = layoutsOf(compiled())
    expectOneStorage(found)
    // A variable that one part has and another has not, or has elsewhere, or of another type, is noticed.
    const [first, second, ...rest] = found.ServiceRegistration!
    for (const mutant of [
      [second!, first!, ...rest],
      [first!, ...rest],
      found.ServiceRegistration!.filter(({ label }) => label !== '_seats.seated'),
      [first!, { ...second!, offset: second!.offset + 1 }, ...rest],
      [first!, { ...second!, type: 't_uint8' }, ...rest],
      [...found.ServiceRegistration!, { ...first!, label: '_own' }],
    ]) {
      expect(() => expectOneStorage({ ...found, ServiceRegistration: mutant })).to.throw()
    }
  })

  it('leave each structure of the storage to the functions of one file', function () {
    this.timeout(120_000)
    const writes = writesIn(compiled())
    expectOwned(writes)
    // The check finds all of them, and notices a write elsewhere.
    expect([...new Set(writes.map(({ structure }) => structure))].sort()).to.deep.equal(Object.keys(OWNERS).sort())
    for (const structure of Object.keys(OWNERS)) {
      expect(() => expectOwned([...writes, { structure, file: 'Membership.sol' }])).to.throw(structure)
    }
  })

  it('have every function of ILearningService between them, and none in two', async () => {
    const all = await selectorsOf('ILearningService')
    const owned: Record<string, Set<string>> = {}
    for (const [part, interfaces] of Object.entries(CODE_OF)) {
      const own = new Set<string>()
      for (const name of interfaces) for (const selector of await selectorsOf(name)) own.add(selector)
      const implemented = await selectorsOf(part)
      for (const selector of own) expect(implemented, `${part} ${selector}`).to.include(selector)
      owned[part] = own
      // Only the first part hands calls on; the others share no functions.
      if (part === 'LearningService') continue
      for (const selector of implemented) if (!own.has(selector)) expect(all, part).not.to.include(selector)
    }
    expectPartition(all, owned)
    // A function of two parts, of none, and one that the interface has not, are noticed.
    const { LearningService: first, ServiceClock: clock } = owned as Record<string, Set<string>>
    const [some] = [...first!]
    for (const mutant of [new Set([...clock!, some!]), new Set<string>(), new Set([...clock!, '0xdeadbeef'])]) {
      expect(() => expectPartition(all, { ...owned, ServiceClock: mutant })).to.throw()
    }
  })

  it('are reached by name: each function through the service runs the code of its part', async () => {
    const { ethers, factory, service } = await createWorld()
    const { provider } = ethers
    const main = await ethers.getContractAt('LearningService', await factory.IMPLEMENTATION())
    const marks = { ServiceRegistration: 0x3n, ServiceClock: 0x5n }
    // PUSH1 mark (a State, too) PUSH0 MSTORE PUSH1 20 PUSH0 RETURN, whatever is called.
    const answer = (mark: bigint): string => `0x600${mark.toString(16)}5f5260205ff3`
    for (const [part, address] of [
      ['ServiceRegistration', await main.REGISTRATION()],
      ['ServiceClock', await main.CLOCK_PART()],
    ] as const) {
      await provider.send('hardhat_setCode', [address, answer(marks[part])])
    }
    for (const [part, interfaces] of Object.entries(CODE_OF)) {
      if (part === 'LearningService') continue
      for (const name of interfaces) {
        for (const fragment of await functionsOf(name)) {
          const data = new Interface([fragment]).encodeFunctionData(fragment, fragment.inputs.map(blank))
          const found = await provider.call({ to: await service.getAddress(), data })
          const mark = marks[part as keyof typeof marks]
          expect(BigInt(found), `${part} ${fragment.name}`).to.equal(mark)
        }
      }
    }
  })

  it('hand reverts on as they are, and are made for the registries of the service', async () => {
    const world = await createWorld()
    const { ethers, registry, models, service, factory, stranger } = world
    await expect(service.connect(stranger).leave(9)).to.be.revertedWithCustomError(service, 'EmptySeat').withArgs(9)
    const other = await ethers.deployContract('ModelRegistry', [world.admin])
    const main = await ethers.getContractAt('LearningService', await factory.IMPLEMENTATION())
    const [registration, clock] = [await main.REGISTRATION(), await main.CLOCK_PART()]
    await expect(ethers.deployContract('ServiceRegistration', [registry, other, clock]))
      .to.be.revertedWithCustomError(service, 'PartMismatch')
      .withArgs(clock)
    await expect(
      ethers.deployContract('LearningService', [registry, other, registration]),
    ).to.be.revertedWithCustomError(service, 'PartMismatch')
    await expect(ethers.deployContract('ServiceClock', [registry, '0x'.padEnd(42, '0')])).to.be.revertedWithCustomError(
      service,
      'ZeroAddress',
    )
    expect(await models.getAddress()).to.equal(await service.modelRegistry())
  })

  it('keep functions that only the other parts call out of reach', async () => {
    const { service, admin, ethers } = await createWorld()
    const clock = new Interface(await artifacts.readArtifact('ServiceClock').then(({ abi }) => abi))
    for (const name of ['settle', 'complete']) {
      const data = clock.encodeFunctionData(name)
      await expect(admin.sendTransaction({ to: service, data })).to.be.revert(ethers)
    }
  })
})

/** A value of that type that decodes. */
function blank(parameter: ParamType): unknown {
  const { type, components } = parameter
  if (components) return components.map(blank)
  if (type === 'bytes') return '0x'
  if (type === 'address') return ZeroAddress
  if (type.startsWith('bytes')) return `0x${'00'.repeat(Number(type.slice(5)))}`
  return 0n
}
