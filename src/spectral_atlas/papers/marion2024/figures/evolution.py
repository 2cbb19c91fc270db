"""stub"""
import pandas as pd
from matplotlib import pyplot as plt
from spectral_atlas.plotting.publish import Drawing

def fig1c(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig1d(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig4c(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig4d(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})
