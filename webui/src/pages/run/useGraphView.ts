/* Which part of the graph is on the screen. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type PointerEvent } from 'react';
import { clamp } from '../../base/number';
import type { Placement } from './layout';

interface View {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

const MOST_ZOOM = 2.5;
const LEAST_ZOOM = 0.08;
/* A graph that would be smaller than this is not shrunk to fit; the current action is centred instead. */
const LEAST_WHOLE_ZOOM = 0.4;
const NEAR_ZOOM = 0.75;
const DRAG_PX = 3;

/* Pan by dragging, zoom by the wheel. Shows the whole, or the current action of a large graph, until the reader has moved it. */
export function useGraphView(placement: Placement | null, focus: string | null) {
  const ref = useRef<SVGSVGElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, k: 1 });
  const [moved, setMoved] = useState(false);
  const drag = useRef<{ readonly x: number; readonly y: number; far: boolean } | null>(null);

  const fitNow = useCallback(
    (whole: boolean) => {
      const box = ref.current?.getBoundingClientRect();
      if (!box || !placement || box.width === 0) return;
      const k = clamp(
        Math.min((box.width - 24) / placement.width, (box.height - 24) / placement.height),
        LEAST_ZOOM,
        1.15,
      );
      const centre = { x: placement.width / 2, y: placement.height / 2 };
      const node = focus === null ? undefined : placement.nodes.get(focus);
      const [zoomTo, middle] = k < LEAST_WHOLE_ZOOM && !whole && node ? [NEAR_ZOOM, node] : [k, centre];
      setView({ k: zoomTo, x: box.width / 2 - middle.x * zoomTo, y: box.height / 2 - middle.y * zoomTo });
    },
    [placement, focus],
  );

  const fit = () => {
    setMoved(true);
    fitNow(true);
  };

  /* Before it is drawn, so that it does not jump. */
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element || moved) return;
    fitNow(false);
    const observer = new ResizeObserver(() => fitNow(false));
    observer.observe(element);
    return () => observer.disconnect();
  }, [fitNow, moved]);

  const zoomAt = useCallback((factor: number, x: number, y: number) => {
    setMoved(true);
    setView((old) => {
      const k = clamp(old.k * factor, LEAST_ZOOM, MOST_ZOOM);
      return { k, x: x - ((x - old.x) * k) / old.k, y: y - ((y - old.y) * k) / old.k };
    });
  }, []);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [zoomAt]);

  const zoom = (factor: number) => {
    const box = ref.current?.getBoundingClientRect();
    if (box) zoomAt(factor, box.width / 2, box.height / 2);
  };

  const handlers = {
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, far: false };
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) => {
      const from = drag.current;
      if (!from || event.buttons === 0) return;
      const dx = event.clientX - from.x;
      const dy = event.clientY - from.y;
      if (!from.far && Math.hypot(dx, dy) < DRAG_PX) return;
      if (!from.far) event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { x: event.clientX, y: event.clientY, far: true };
      setMoved(true);
      setView((old) => ({ ...old, x: old.x + dx, y: old.y + dy }));
    },
    onPointerUp: () => {
      drag.current = null;
    },
  };
  return { ref, ...view, fit, zoom, handlers };
}
