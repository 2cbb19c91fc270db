"""stub"""
import pandas as pd
from matplotlib import pyplot as plt
from spectral_atlas.plotting.publish import Drawing

def ratio_vs_conditioning(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})
