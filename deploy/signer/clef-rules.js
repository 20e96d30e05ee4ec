// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for Clef (go-ethereum) as a keeper's remote signer. It signs the operator's calls of the service and the registry, if they send no coins, and
// the messages that relayers bring to these two. It refuses everything else, whatever an intruder in the keeper asks. ES5, because Clef runs it in Otto.
var SERVICE = '0x0000000000000000000000000000000000000001' // the LearningService
var REGISTRY = '0x0000000000000000000000000000000000000002' // its KeeperRegistry
var OURS = [SERVICE.toLowerCase(), REGISTRY.toLowerCase()]

function ApproveListing() {
  return 'Approve'
}

function ApproveTx(request) {
  var transaction = request.transaction
  if (!transaction.to || OURS.indexOf(transaction.to.toLowerCase()) < 0) return 'Reject'
  return transaction.value === '0x0' ? 'Approve' : 'Reject'
}

function ApproveSignData(request) {
  if (request.content_type !== 'data/typed') return 'Reject'
  // The domain comes first. The caller chooses what follows: its fields may have any name, including names of the domain's fields.
  var domain = request.messages[0]
  if (!domain || domain.name !== 'EIP712Domain') return 'Reject'
  var contracts = []
  for (var i = 0; i < domain.value.length; i++) {
    if (domain.value[i].name === 'verifyingContract') contracts.push(String(domain.value[i].value).toLowerCase())
  }
  return contracts.length === 1 && OURS.indexOf(contracts[0]) >= 0 ? 'Approve' : 'Reject'
}
