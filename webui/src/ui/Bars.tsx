/* A row of small bars, a part of each marked: how much there was over time, and how much of it went wrong. The highest is as high as there is
 * room; what is small still shows. */
interface Props {
  readonly bars: readonly { readonly whole: number; readonly part: number }[];
  readonly label: string;
}

const HEIGHT = 18;
const BAR = 4;
const STEP = 5;

export function Bars({ bars, label }: Props) {
  const most = Math.max(...bars.map(({ whole }) => whole), 1);
  const size = (value: number) => (value === 0 ? 0 : Math.max((value / most) * HEIGHT, 2));
  return (
    <svg
      className="bars"
      viewBox={`0 0 ${bars.length * STEP - 1} ${HEIGHT}`}
      width={bars.length * STEP - 1}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <path className="bars-ground" d={`M0 ${HEIGHT - 0.5}H${bars.length * STEP - 1}`} />
      {bars.map(({ whole, part }, index) => (
        <g key={index}>
          <rect x={index * STEP} y={HEIGHT - size(whole)} width={BAR} height={size(whole)} />
          <rect
            className="bars-part"
            x={index * STEP}
            y={HEIGHT - size(part)}
            width={BAR}
            height={size(part)}
          />
        </g>
      ))}
    </svg>
  );
}
