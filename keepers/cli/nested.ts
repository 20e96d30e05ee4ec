// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort nested`: services that are members of services, ensembles of services, and services that learn from ensembles.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount, parseCountFromZero } from './chain-command.ts'

const EXAMPLES = `
Examples (an account of a development node, --keystore FILE elsewhere; a DAO does the same by cohort dao propose-call):
  cohort nested deploy --account 0            # then: export COHORT_TREE=0x… COHORT_ENSEMBLES=0x… COHORT_LABELS=0x…
  cohort nested open 0xUPPER --level 1 --account 0
  cohort nested invite 0xUPPER 0xLOWER --account 0
  cohort nested appoint 0xUPPER 0xLOWER --keeper 0xOWNER --account 1
  cohort nested audit 0xUPPER --round 3 --manifest upper.json
  cohort nested found --rule vote --range 3 --min-answers 2 --account 0
  cohort nested join 1 --model-id 4 --weight 1000 --account 0
  cohort nested ask 1 --circuit build/circuit --input rows.json --price 0.04 --account 0
  cohort nested book 0xSTUDENT --ensemble 1 --price 0.03 --labels 100 --budget 3 --account 2
  cohort nested label 1 --circuit build/circuit --input rows.json --account 2
  cohort nested record 1 --account 2
  cohort nested withdraw --account 0
`

const actions = () => import('./nested-actions.ts')

export function registerNested(program: Command): void {
  const nested = program
    .command('nested')
    .description('connect services: as members of services, in ensembles, and as students of ensembles')
    .addHelpText('after', EXAMPLES)

  chainCommand(nested, 'deploy', 'deploy tree, ensembles and books of labels over the deployment’s registries').action(
    async (options) => (await actions()).deploy(options),
  )
  registerTree(nested)
  registerEnsembles(nested)
  registerLabels(nested)
  chainCommand(nested, 'withdraw', 'withdraw what ensembles and books of labels owe you')
    .addOption(addressOption('ensembles', 'the ServiceEnsemble contract', 'COHORT_ENSEMBLES'))
    .addOption(addressOption('labels-at', 'the PseudoLabels contract', 'COHORT_LABELS'))
    .action(async (options) => (await actions()).withdraw(options))
}

function registerTree(nested: Command): void {
  treeCommand(nested, 'open', 'open a service to other services as members (its authority, once)')
    .argument('<upper>', 'the service', parseAddress)
    .requiredOption('--level <n>', '1 to 8, higher than the level of every service that is to be a member', parseCount)
    .option(
      '--hybrid',
      'admit keepers that represent no service, too: they train only where enough of them do (docs/uses/nested.md)',
    )
    .option('--others <address>', 'the admission contract for those keepers (default: all are admitted)', parseAddress)
    .action(async (upper, options) => (await actions()).open(upper, options))

  for (const [name, what] of [
    ['invite', 'invite a service (the upper service’s authority)'],
    ['uninvite', 'take an invitation back (the upper service’s authority)'],
  ] as const) {
    treeCommand(nested, name, what)
      .argument('<upper>', 'the service to take part in', parseAddress)
      .argument('<lower>', 'the service that takes part', parseAddress)
      .action(async (upper, lower, options) => (await actions()).invite(name, upper, lower, options))
  }

  treeCommand(nested, 'appoint', 'name the keeper that represents a service (the lower service’s authority)')
    .argument('<upper>', 'the service to take part in', parseAddress)
    .argument('<lower>', 'the service that takes part', parseAddress)
    .option('--keeper <address>', 'owner address of the keeper (default: nobody, the service withdraws)', parseAddress)
    .action(async (upper, lower, options) => (await actions()).appoint(upper, lower, options))

  treeCommand(nested, 'audit', 'recompute a round of a service with services as members, and compare')
    .argument('<upper>', 'the service', parseAddress)
    .requiredOption('--round <n>', 'a completed round', parseCount)
    .requiredOption('--manifest <file>', 'the service’s manifest, or the name of an example')
    .option('--folder <path>', 'where fetched models are kept', '.cohort/audit')
    .action(async (upper, options) => (await actions()).audit(upper, options))
}

function registerEnsembles(nested: Command): void {
  ensembleCommand(nested, 'found', 'found an ensemble of services; you are its curator')
    .addOption(
      new Option('--rule <name>', 'how answers become one')
        .choices(['vote', 'margin-vote', 'mean', 'median'])
        .default('vote'),
    )
    .requiredOption('--range <n>', 'classes of a vote; largest magnitude of a score', parseInteger)
    .option('--scale <n>', 'scores: the models’ units of one (default: 0)', parseInteger)
    .option('--min-answers <n>', 'fewest members that must answer', parseCount, 1)
    .option('--quorum <bps>', 'least part of all weight that must be cast, in basis points', parseCount, 5_000)
    .option(
      '--majority <bps>',
      'votes: least part of the cast weight for the winner, in basis points',
      parseCountFromZero,
      0,
    )
    .action(async (options) => (await actions()).found(options))

  ensembleCommand(nested, 'join', 'make a service a member (the curator)')
    .argument('<ensemble>', 'its number', parseCount)
    .requiredOption('--model-id <id>', 'a model of the hub that follows the service’s releases', parseCount)
    .option('--weight <n>', '256 to 16383', parseCount, 1_000)
    .option('--min-margin <n>', 'margin below which the member abstains (default: 0)', parseInteger)
    .action(async (id, options) => (await actions()).join(id, options))

  ensembleCommand(nested, 'leave', 'take a service out (the curator, or the service’s authority: then for good)')
    .argument('<ensemble>', 'its number', parseCount)
    .requiredOption('--service <address>', 'the member', parseAddress)
    .action(async (id, options) => (await actions()).leave(id, options))

  ensembleCommand(nested, 'ask', 'ask every member of an ensemble')
    .argument('<ensemble>', 'its number', parseCount)
    .requiredOption('--circuit <folder>', 'a member’s circuit; only its program is read')
    .requiredOption('--input <file>', 'JSON: a list of numbers for all members, or a list of such lists, one for each')
    .requiredOption('--price <ether>', 'price of all answers together', parseEtherText)
    .option('--seconds <n>', 'time for the answers', parseCount, 3_600)
    .action(async (id, options) => (await actions()).ask(id, options))

  ensembleCommand(nested, 'close', 'decide a question, once all have answered or its time is over')
    .argument('<question>', 'its number', parseCount)
    .action(async (id, options) => (await actions()).close(id, options))

  ensembleCommand(nested, 'question', 'show the state of a question')
    .argument('<question>', 'its number', parseCount)
    .action(async (id, options) => (await actions()).question(id, options))
}

function registerLabels(nested: Command): void {
  labelCommand(nested, 'book', 'open a book of labels for a service that learns from an ensemble (its authority)')
    .argument('<student>', 'the service', parseAddress)
    .requiredOption('--ensemble <id>', 'the ensemble that labels', parseCount)
    .requiredOption('--price <ether>', 'price of one label', parseEtherText)
    .requiredOption('--labels <n>', 'most questions', parseCount)
    .requiredOption('--budget <ether>', 'the first budget', parseEtherText)
    .option('--lead <thousandths>', 'least lead of the winner', parseCountFromZero, 0)
    .option('--seconds <n>', 'time for the answers', parseCount, 3_600)
    .action(async (student, options) => (await actions()).book(student, options))

  labelCommand(nested, 'label', 'ask for labels of inputs (the book’s owner)')
    .argument('<book>', 'its number', parseCount)
    .requiredOption('--circuit <folder>', 'a member’s circuit; only its program is read')
    .requiredOption('--input <file>', 'JSON: a list of inputs, each a list of numbers')
    .action(async (book, options) => (await actions()).label(book, options))

  labelCommand(nested, 'record', 'copy the ensemble’s decision into the book')
    .argument('<question>', 'its number', parseCount)
    .action(async (id, options) => (await actions()).record(id, options))

  labelCommand(nested, 'drain', 'take the rest of a budget out (the book’s owner)')
    .argument('<book>', 'its number', parseCount)
    .action(async (book, options) => (await actions()).drain(book, options))
}

function treeCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(addressOption('tree', 'the ServiceTree', 'COHORT_TREE'))
}

function ensembleCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(
    addressOption('ensembles', 'the ServiceEnsemble contract', 'COHORT_ENSEMBLES'),
  )
}

function labelCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(
    addressOption('labels-at', 'the PseudoLabels contract', 'COHORT_LABELS'),
  )
}

/** Options with the addresses of this feature's contracts. */
export function addressOption(name: string, what: string, variable: string): Option {
  return new Option(`--${name} <address>`, what).env(variable).argParser(parseAddress)
}

function parseInteger(text: string): bigint {
  if (!/^\d{1,39}$/.test(text)) throw new InvalidArgumentError('a whole number is needed.')
  return BigInt(text)
}

function parseEtherText(text: string): string {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError('an amount of ether such as 0.4 is needed.')
  return text
}
