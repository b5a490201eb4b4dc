// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters

/// A bus, what is behind it, and what keeps both alive.
struct BusRig {
    let bus: any RegisterBus
    let card: ModelCard
    /// Frames that broke the protocol.
    var violations: () -> [String] = { [] }
    /// What must live as long as the bus.
    var keep: [AnyObject] = []
    /// Puts an error into the card that happened before.
    let blame: () -> Void
    let hasLocalBlock: Bool
}

/// Every way to a card's registers; each must keep the laws of `RegisterBus`.
enum BusTransport: String, CaseIterable, Sendable {
    case spi
    /// As if the kernel took four frames at a time.
    case spiInSmallGoes
    case socket
    case window

    func rig() throws -> BusRig {
        let card = ModelCard()
        let slave = ModelSPISlave(card)
        switch self {
        case .spi, .spiInSmallGoes:
            let limits =
                self == .spi ? SPILimits(frames: 511, bytes: 4096) : SPILimits(frames: 4, bytes: 4096, granule: 64)
            let device = ModelSPIDevice(slave, limits: limits)
            return BusRig(
                bus: SPIRegisterBus(device), card: card, violations: { slave.violations },
                blame: { slave.errors = 1 << 7 }, hasLocalBlock: true)
        case .socket:
            let server = try ModelCardServer(slave)
            let device = try SocketSPIDevice(path: server.path)
            return BusRig(
                bus: SPIRegisterBus(device), card: card, violations: { slave.violations }, keep: [server],
                blame: { slave.errors = 1 << 7 }, hasLocalBlock: true)
        case .window:
            let bar = ModelBAR(card)
            return BusRig(
                bus: WindowRegisterBus(ModelWindow(bar: bar), name: "window"), card: card, blame: { bar.status = 1 },
                hasLocalBlock: false)
        }
    }
}
