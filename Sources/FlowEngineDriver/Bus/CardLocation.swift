// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Where a card is, as people write it: `spi:/dev/spidev0.0`, `pci:0000:01:00.0`, `simulated:/run/card.sock`.
public enum CardLocation: Hashable, Sendable {
    case spi(path: String)
    case pci(function: String)
    /// A simulated card in another process: a Real-Time HAT at the level of SPI frames, a TrustNode word by word.
    case simulated(path: String)

    /// - Throws: what is wrong with the text, and what would be right.
    public init(_ text: String) throws(BusError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count == 2 ? String(parts[1]) : ""
        switch parts.first.map(String.init) {
        case "spi" where rest.hasPrefix("/"): self = .spi(path: rest)
        case "pci" where PCIFunction.isFunction(rest): self = .pci(function: rest)
        case "simulated" where !rest.isEmpty: self = .simulated(path: rest)
        default:
            throw BusError(
                .configuration(
                    "\"\(text)\" is no place of a card; write spi:/dev/spidev0.0, pci:0000:01:00.0 or simulated:/run/card.sock"
                ), bus: "card")
        }
    }
}

extension CardLocation: CustomStringConvertible {
    public var description: String {
        switch self {
        case .spi(let path): "spi:\(path)"
        case .pci(let function): "pci:\(function)"
        case .simulated(let path): "simulated:\(path)"
        }
    }
}

extension CardLocation {
    /// The board that it leads to: SPI to a Real-Time HAT, PCIe to a TrustNode; a simulated card is asked.
    public func board() throws(BusError) -> CardProfile {
        switch self {
        case .spi: return .realTimeHAT
        case .pci: return .trustNode
        case .simulated(let path):
            do {
                var client = try SimulatedCardClient(path: path, timeout: 2000)
                return try client.board()
            } catch {
                throw BusError(.peer("\(error)"), bus: description)
            }
        }
    }

    /// - Parameters:
    ///   - hertz: the clock of SPI; no other way has one.
    ///   - mode: of SPI.
    public func open(
        hertz: Int = SpidevConfiguration.fastest, mode: SPIMode = .mode0
    ) throws(BusError) -> any RegisterBus {
        switch self {
        case .spi(let path):
            do {
                return SPIRegisterBus(try SpidevDevice(SpidevConfiguration(path: path, hertz: hertz, mode: mode)))
            } catch {
                throw BusError(error.cause, bus: description)
            }
        case .pci(let function): return try PCIeRegisterBus(PCIeConfiguration(function: function))
        case .simulated(let path):
            let board = try board()
            do {
                return switch board {
                case .realTimeHAT: SPIRegisterBus(try SocketSPIDevice(path: path))
                case .trustNode: WindowRegisterBus(try SocketWindow(path: path), name: "unix:\(path)")
                }
            } catch {
                throw BusError(.peer("\(error)"), bus: description)
            }
        }
    }
}
