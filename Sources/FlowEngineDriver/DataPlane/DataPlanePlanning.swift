// SPDX-License-Identifier: Apache-2.0
import Tables

extension FlowEngineDataPlane {
    /// The megaflows that some packets can be offloaded in, by the tables as they are known here; the coarsest first.
    ///
    /// - Parameter sample: all the fields of the packets that are known.
    public func plans(for sample: Megaflow) -> Result<[OffloadPlan], OffloadRefusal> {
        let planner = OffloadPlanner(
            state: state, entries: held, traits: traits, ports: nodePorts, keySets: keySets)
        do throws(OffloadRefusal) { return .success(try planner.plans(for: sample)) } catch { return .failure(error) }
    }
}
