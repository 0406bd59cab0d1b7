/* Lays a graph out beside the page, which stays responsive. */
import { place, type LayoutQuestion } from './layout';

self.onmessage = (event: MessageEvent<LayoutQuestion>) => {
  const { shape, nodes, labels } = event.data;
  self.postMessage(place(shape, { node: (name) => nodes.get(name), label: (id) => labels.get(id) }));
};
